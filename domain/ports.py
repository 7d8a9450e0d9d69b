"""Ports for all wings: clock, secrets and keys, readiness. A wing's own ports are in the wing.

Every method may raise ``Refusal`` with STORE_UNAVAILABLE or VAULT_UNAVAILABLE when its server does not answer in time:
the caller of the port decides on the consequence, and the default is to fail closed. Adapters are named after port and
technology.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Protocol, TypeVar


class Clock(Protocol):
    """The time, injected."""

    def now(self) -> datetime:
        """Return the current time, aware, UTC."""
        ...


class SecretReader(Protocol):
    """Secrets by path."""

    async def read(self, path: str) -> Mapping[str, str]:
        """Return the newest version of the secret at ``path`` (below the KV mount).

        Raises:
            Refusal: VAULT_UNAVAILABLE; NOT_FOUND if there is none.
        """
        ...


class IdentityKeys(Protocol):
    """Stable secret for hashes of callers and clients' secrets, run IDs, commitments and content MACs."""

    async def tenant_key(self, tenant: str) -> bytes:
        """Return 32 bytes of the tenant, which never change.

        Raises:
            Refusal: VAULT_UNAVAILABLE.
        """
        ...

    async def hash_client_secret(self, client_id: str, secret: str) -> str:
        """Return the keyed hash (hexadecimal) of a client's secret of 256 random bits.

        Raises:
            Refusal: VAULT_UNAVAILABLE.
        """
        ...

    async def installation_key(self, purpose: str) -> bytes:
        """Return 32 bytes of the installation for one purpose, which never change.

        Raises:
            Refusal: VAULT_UNAVAILABLE.
        """
        ...


class StatementSigner(Protocol):
    """Signs with a key named ``key_name`` that never leaves the key store."""

    async def sign(self, key_name: str, typ: str, claims: Mapping[str, Any]) -> str:
        """Return a compact JWS (RFC 7515) with ``alg`` EdDSA (RFC 8037) and the key's ``kid``."""
        ...

    async def public_keys(self, key_name: str) -> Mapping[str, Mapping[str, str]]:
        """Return the JWK (RFC 8037) of each version of the key, by ``kid``."""
        ...


class StatementInvalid(ValueError):
    """A compact JWS is malformed, or its signature or a claim is invalid. ``reason`` is the kind of error."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class SignatureChecks(Protocol):
    """Verification of signatures. No method needs a server."""

    def ed25519(self, public_key: bytes, signature: bytes, message: bytes) -> bool:
        """Verify an Ed25519 signature (RFC 8032)."""
        ...

    def header(self, statement: str) -> Mapping[str, Any]:
        """Return the header of a compact JWS (RFC 7515), unverified. Raises ``StatementInvalid``."""
        ...

    def claims(self, statement: str, key: Mapping[str, str], required: Sequence[str] = ()) -> dict[str, Any]:
        """Return the claims of a compact JWS after verifying its EdDSA signature. Raises ``StatementInvalid``."""
        ...


class Dependency(Protocol):
    """A server required for readiness."""

    @property
    def name(self) -> str:
        """Return a short name for readiness reports, such as ``vault``."""
        ...

    async def check(self) -> None:
        """Check that it can serve now.

        Raises:
            Refusal: if it can't.
        """
        ...


Made = TypeVar("Made")


def no_size(made: object) -> int:
    """Return 0, for results that hold no text."""
    del made
    return 0


class TextCache(Protocol):
    """Results of functions of one text, by the function's name and all that it reads.

    A cache belongs to one policy and one caller: neither is part of a key. A failure is never kept. No method raises a
    ``Refusal`` of its own.
    """

    def recall(
        self, function: str, key: tuple[str, ...], make: Callable[[], Made], size: Callable[[Made], int] = no_size
    ) -> Made:
        """Return the kept result for the key, or what ``make`` returns, and keep that.

        The key ends in the text; what precedes it is short and reveals nothing. ``size`` gives the characters of text
        in a result. Raises what ``make`` raises.
        """
        ...


class _NothingKept:
    def recall(
        self, function: str, key: tuple[str, ...], make: Callable[[], Made], size: Callable[[Made], int] = no_size
    ) -> Made:
        del function, key, size
        return make()


NO_TEXT_CACHE: Final[TextCache] = _NothingKept()
"""The cache that keeps nothing."""
