# What the archiver may do. Mounts as in the default settings.

# Sign manifests of archives; know the keys that check them and the log's checkpoints.
path "transit/sign/archive-signing" { capabilities = ["update"] }
path "transit/keys/archive-signing" { capabilities = ["read"] }
path "transit/keys/log-signing" { capabilities = ["read"] }

# Know the credentials of the archive's bucket, and the secret behind the MACs of records.
path "assay/data/archive/s3" { capabilities = ["read"] }
path "assay/data/identity" { capabilities = ["read"] }

# Seal the records of what it did: it makes new data keys, and can open no tenant's.
path "transit/datakey/plaintext/tenant-*" { capabilities = ["update"] }
path "assay/data/keyring/+/+" { capabilities = ["create"] }
path "assay/data/keyring/+/current" { capabilities = ["deny"] }

# Its workflow's payloads are Assay's own: of the tenant "system", whose keys it opens.
path "transit/keys/tenant-system" { capabilities = ["read"] }
path "transit/decrypt/tenant-system" { capabilities = ["update"] }
path "assay/data/keyring/system/+" { capabilities = ["create", "read"] }
path "assay/data/keyring/system/current" { capabilities = ["create", "read", "update"] }

# Log in to PostgreSQL.
path "database/creds/assay-archiver" { capabilities = ["read"] }

# Look after its own token.
path "auth/token/lookup-self" { capabilities = ["read"] }
path "auth/token/renew-self" { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
