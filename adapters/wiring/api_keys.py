"""The store of API keys on a process's platform."""

from adapters.postgres.api_keys import PostgresApiKeys
from adapters.postgres.encryption.api_key_grants import GrantEncrypter
from adapters.wiring.platform import Platform


def api_key_store(platform: Platform) -> PostgresApiKeys:
    """Return the store, over the process's pool (role ``assay-api``) and keys."""
    grants = GrantEncrypter(platform.keyring, platform.identities)
    return PostgresApiKeys(platform.pool, platform.encrypter, grants)
