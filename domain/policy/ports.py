"""Port of the policy store. As in ``domain.ports``, any method may raise ``Refusal``."""

from typing import Protocol


class PolicyStore(Protocol):
    """Policies by content hash: append-only."""

    async def put(self, document: bytes) -> str:
        """Keep a canonical policy document; give its SHA-256, hexadecimal. A repeat is a no-op."""
        ...

    async def get(self, policy_hash: str) -> bytes | None:
        """The document of that hash, or None."""
        ...

    async def make_current(self, policy_hash: str) -> None:
        """Pin runs whose start names no policy to this one from now on. Recorded for ``system`` once, or not made."""
        ...

    async def current(self) -> str | None:
        """The hash of the policy that was made current last, or None if none ever was."""
        ...
