"""Data keys by tenant and ID, and one key derived from them per purpose.

A data key is created and wrapped by a Vault Transit key of the tenant. Its ID is in each payload and record that it
protects; the wrapped form is stored where the tenant's principals may read it. Deleting the Transit key makes every
data key, and all that they protect, unreadable.
"""

from dataclasses import dataclass, field
from typing import Protocol

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32


class KeyUnavailable(Exception):
    """A key is unavailable. ``gone``: waiting is useless, since it does not exist (any more)."""

    def __init__(self, tenant: str, *, gone: bool) -> None:
        super().__init__(
            f"no data key for tenant {tenant}: {'it does not exist' if gone else 'the key store is unavailable'}"
        )
        self.tenant = tenant
        self.gone = gone


@dataclass(frozen=True, slots=True)
class DataKey:
    """A tenant's data key: 32 bytes that never leave memory. Derived keys are cached with it."""

    tenant: str
    key_id: str
    material: bytes = field(repr=False)
    derived: dict[str, bytes] = field(default_factory=dict, init=False, repr=False, compare=False)


class KeyRing(Protocol):
    """Source of data keys."""

    async def current(self, tenant: str) -> DataKey:
        """Return the key to encrypt with now.

        Raises:
            KeyUnavailable: see there.
        """
        ...

    async def by_id(self, tenant: str, key_id: str) -> DataKey:
        """Return the key of an existing ciphertext, however old.

        Raises:
            KeyUnavailable: see there.
        """
        ...


def derive(key: DataKey, purpose: str, salt: bytes = b"") -> bytes:
    """Derive 32 bytes by HKDF-SHA-256 (RFC 5869) for one ``purpose``, such as ``assay/temporal-payload/v1``.

    Without a salt they are derived once for each purpose: purposes are few, and each request needs several.
    """
    if not salt and (known := key.derived.get(purpose)) is not None:
        return known
    made = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt or None, info=purpose.encode()).derive(key.material)
    if not salt:
        key.derived[purpose] = made
    return made
