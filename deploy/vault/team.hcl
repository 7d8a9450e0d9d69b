# What a team's own clients and workers may do: make and open their tenant's data keys, and nothing else. Mounts as in
# the default settings. One policy fits all teams: Vault puts in the tenant, which is the name of the AppRole that they
# log in by. TEAMS_ACCESSOR becomes the accessor of those AppRoles' mount when Vault is set up.

# A wrapped key is written once; which one is current may change.
path "transit/datakey/plaintext/tenant-{{identity.entity.aliases.TEAMS_ACCESSOR.metadata.role_name}}" {
  capabilities = ["update"]
}
path "transit/decrypt/tenant-{{identity.entity.aliases.TEAMS_ACCESSOR.metadata.role_name}}" {
  capabilities = ["update"]
}
path "assay/data/keyring/{{identity.entity.aliases.TEAMS_ACCESSOR.metadata.role_name}}/+" {
  capabilities = ["create", "read"]
}
path "assay/data/keyring/{{identity.entity.aliases.TEAMS_ACCESSOR.metadata.role_name}}/current" {
  capabilities = ["create", "read", "update"]
}

# Assay countersigns with the keys of its own tenant: no team has these, whatever its AppRole is called.
path "transit/datakey/plaintext/tenant-system" { capabilities = ["deny"] }
path "transit/decrypt/tenant-system" { capabilities = ["deny"] }
path "assay/data/keyring/system/+" { capabilities = ["deny"] }
path "assay/data/keyring/system/current" { capabilities = ["deny"] }

# Look after its own token.
path "auth/token/lookup-self" { capabilities = ["read"] }
path "auth/token/renew-self" { capabilities = ["update"] }
path "auth/token/revoke-self" { capabilities = ["update"] }
