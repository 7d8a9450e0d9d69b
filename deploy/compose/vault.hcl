# One Vault server with its own raft store. Not development mode: it starts sealed, and an operator unseals it, or a
# `seal` stanza names a key management service that does.
storage "raft" {
  path    = "/vault/file"
  node_id = "vault-0"
}

listener "tcp" {
  address         = "0.0.0.0:8200"
  cluster_address = "0.0.0.0:8201"
  tls_cert_file   = "/pki/tls.crt"
  tls_key_file    = "/pki/tls.key"
  tls_min_version = "tls12"
}

api_addr      = "https://vault:8200"
cluster_addr  = "https://vault:8201"
disable_mlock = true # raft keeps its store in mapped files; swap is the host's to encrypt or to switch off
ui            = false
