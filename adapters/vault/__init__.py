"""HashiCorp Vault: sessions, secrets, keys, signatures, directories."""
