# What the API may do. Mounts as in the default settings.

# Sign access tokens; know the keys that check tokens, receipts and logs.
path "transit/sign/token-signing" { capabilities = ["update"] }
path "transit/keys/token-signing" { capabilities = ["read"] }
path "transit/keys/receipt-signing" { capabilities = ["read"] }
path "transit/keys/log-signing" { capabilities = ["read"] }

# Know OAuth clients, and the secret that names callers.
path "assay/data/clients/*" { capabilities = ["read"] }
path "assay/data/identity" { capabilities = ["read"] }

# Make and open tenants' data keys. A wrapped key is written once; which one is current may change.
path "transit/keys/tenant-*" { capabilities = ["read"] }
path "transit/datakey/plaintext/tenant-*" { capabilities = ["update"] }
path "transit/decrypt/tenant-*" { capabilities = ["update"] }
path "assay/data/keyring/+/+" { capabilities = ["create", "read"] }
path "assay/data/keyring/+/current" { capabilities = ["create", "read", "update"] }

# Log in to PostgreSQL: as the API, and as a reader who sees the records of one tenant at a time.
path "database/creds/assay-api" { capabilities = ["read"] }
path "database/creds/assay-reader" { capabilities = ["read"] }

# Look after its own token.
path "auth/token/lookup-self" { capabilities = ["read"] }
path "auth/token/renew-self" { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
