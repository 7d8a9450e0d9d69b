#!/bin/sh
# Brings Temporal's two databases to the schema of this release. Connection and TLS come from SQL_* in the environment.
set -eu
for store in temporal:temporal temporal_visibility:visibility; do
    database=${store%%:*}
    schema=/etc/temporal/schema/postgresql/v12/${store##*:}/versioned
    temporal-sql-tool --database "$database" setup-schema -v 0.0
    temporal-sql-tool --database "$database" update-schema -d "$schema"
done
