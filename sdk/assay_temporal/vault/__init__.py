"""Keys from HashiCorp Vault, or a server with its HTTP API. Needs the extra ``assay-temporal[vault]``."""

try:
    import hvac as _hvac
except ModuleNotFoundError:
    raise ModuleNotFoundError("keys from Vault need the extra: assay-temporal[vault]", name="hvac") from None
del _hvac
