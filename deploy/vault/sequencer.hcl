# What a sequencer may do. Mounts as in the default settings.

# Sign the heads of the logs, and know the key that checks them.
path "transit/sign/log-signing" { capabilities = ["update"] }
path "transit/keys/log-signing" { capabilities = ["read"] }

# Keep each log's last checkpoint, where the database can't reach.
path "assay/data/log/+" { capabilities = ["create", "read", "update"] }

# Log in to PostgreSQL.
path "database/creds/assay-sequencer" { capabilities = ["read"] }

# Look after its own token.
path "auth/token/lookup-self" { capabilities = ["read"] }
path "auth/token/renew-self" { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
