# What an operator's commands may do. Mounts as in the default settings.

# Manage OAuth clients; their secrets are kept as hashes under the installation's secret.
path "assay/data/clients/*" { capabilities = ["create", "read", "update", "delete"] }
path "assay/metadata/clients" { capabilities = ["list"] }
path "assay/metadata/clients/*" { capabilities = ["list", "read", "delete"] }
path "assay/data/identity" { capabilities = ["read"] }

# Manage the keys of model providers: set and remove, never read back.
path "assay/data/providers/*" { capabilities = ["create", "update", "delete"] }
path "assay/metadata/providers" { capabilities = ["list"] }
path "assay/metadata/providers/*" { capabilities = ["list", "read", "delete"] }

# Make tenants, rotate their keys, and erase tenants: a key can be deleted once that is allowed, and nothing else about it
# can be changed. Assay's own key stays.
path "transit/keys" { capabilities = ["list"] }
path "transit/keys/tenant-*" {
  capabilities = ["create", "read", "update", "delete"]
  allowed_parameters = {
    "type"             = ["aes256-gcm96"]
    "deletion_allowed" = [true]
  }
}
path "transit/keys/tenant-system" { capabilities = ["read"] }
path "transit/keys/tenant-system/*" { capabilities = ["deny"] }
path "transit/keys/tenant-system/rotate" { capabilities = ["update"] }

# Rotate the signing keys, and know the keys that check tokens and receipts.
path "transit/keys/token-signing" { capabilities = ["read"] }
path "transit/keys/token-signing/rotate" { capabilities = ["update"] }
path "transit/keys/receipt-signing" { capabilities = ["read"] }
path "transit/keys/receipt-signing/rotate" { capabilities = ["update"] }
path "transit/keys/log-signing" { capabilities = ["read"] }
path "transit/keys/log-signing/rotate" { capabilities = ["update"] }

# Verify the logs, against their last checkpoints, and what was archived of them.
path "assay/data/log/+" { capabilities = ["read"] }
path "assay/metadata/log" { capabilities = ["list"] }
path "transit/keys/archive-signing" { capabilities = ["read"] }

# Migrate the database, and read records.
path "database/creds/assay-migrate" { capabilities = ["read"] }
path "database/creds/assay-auditor" { capabilities = ["read"] }

# Erase the keys of a tenant's persons, recorded, and refused while a hold stands.
path "database/creds/assay-custodian" { capabilities = ["read"] }

# Make policies current, recorded.
path "database/creds/assay-operator" { capabilities = ["read"] }

# Let a service in: its role ID, and a secret ID that comes wrapped only.
path "auth/approle/role/assay-api/role-id" { capabilities = ["read"] }
path "auth/approle/role/assay-worker/role-id" { capabilities = ["read"] }
path "auth/approle/role/assay-sequencer/role-id" { capabilities = ["read"] }
path "auth/approle/role/assay-archiver/role-id" { capabilities = ["read"] }
path "auth/approle/role/assay-api/secret-id" {
  capabilities     = ["create", "update"]
  min_wrapping_ttl = "1s"
  max_wrapping_ttl = "24h"
}
path "auth/approle/role/assay-worker/secret-id" {
  capabilities     = ["create", "update"]
  min_wrapping_ttl = "1s"
  max_wrapping_ttl = "24h"
}
path "auth/approle/role/assay-sequencer/secret-id" {
  capabilities     = ["create", "update"]
  min_wrapping_ttl = "1s"
  max_wrapping_ttl = "24h"
}
path "auth/approle/role/assay-archiver/secret-id" {
  capabilities     = ["create", "update"]
  min_wrapping_ttl = "1s"
  max_wrapping_ttl = "24h"
}

# Let teams in: who they are, an AppRole for their tenant with the one policy that teams have, and secret IDs that come
# wrapped only. With the name of no tenant, an AppRole reaches nothing; with the name of Assay's own there is none.
path "assay/data/teams/+/+" { capabilities = ["create", "read", "update"] }
path "assay/metadata/teams" { capabilities = ["list"] }
path "assay/metadata/teams/*" { capabilities = ["list", "delete"] }
path "auth/assay-teams/role/+" {
  capabilities = ["create", "read", "update"]
  allowed_parameters = {
    "token_policies"          = ["assay-team"]
    "token_no_default_policy" = [true]
    "token_ttl"               = []
    "token_max_ttl"           = []
    "secret_id_ttl"           = []
    "bind_secret_id"          = [true]
  }
}
path "auth/assay-teams/role/system" { capabilities = ["deny"] }
path "auth/assay-teams/role/+/role-id" { capabilities = ["read"] }
path "auth/assay-teams/role/+/secret-id" {
  capabilities     = ["create", "update"]
  min_wrapping_ttl = "1s"
  max_wrapping_ttl = "24h"
}
path "auth/assay-teams/role/+/secret-id/" { capabilities = ["list"] }
path "auth/assay-teams/role/+/secret-id-accessor/lookup" { capabilities = ["update"] }
path "auth/assay-teams/role/+/secret-id-accessor/destroy" { capabilities = ["update"] }

# Look after its own token.
path "auth/token/lookup-self" { capabilities = ["read"] }
path "auth/token/renew-self" { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
