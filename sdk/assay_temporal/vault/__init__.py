"""Keys from HashiCorp Vault, or a server with its HTTP API. Needs the extra ``assay-temporal[vault]``."""
