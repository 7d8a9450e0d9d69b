# What a worker may do. Mounts as in the default settings.

# Sign receipts.
path "transit/sign/receipt-signing" { capabilities = ["update"] }
path "transit/keys/receipt-signing" { capabilities = ["read"] }

# Know the keys of model providers, and the secret that names callers.
path "assay/data/providers/*" { capabilities = ["read"] }
path "assay/data/identity" { capabilities = ["read"] }

# Know the teams whose own workflows may start runs.
path "assay/data/teams/+/+" { capabilities = ["read"] }

# Make and open tenants' data keys. A wrapped key is written once; which one is current may change.
path "transit/keys/tenant-*" { capabilities = ["read"] }
path "transit/datakey/plaintext/tenant-*" { capabilities = ["update"] }
path "transit/decrypt/tenant-*" { capabilities = ["update"] }
path "assay/data/keyring/+/+" { capabilities = ["create", "read"] }
path "assay/data/keyring/+/current" { capabilities = ["create", "read", "update"] }

# Log in to PostgreSQL.
path "database/creds/assay-writer" { capabilities = ["read"] }

# Look after its own token.
path "auth/token/lookup-self" { capabilities = ["read"] }
path "auth/token/renew-self" { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
