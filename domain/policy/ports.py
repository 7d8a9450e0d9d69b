"""Ports of the policy store. As in ``domain.ports``, any method may raise ``Refusal``."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StoredPolicy:
    """A policy in the store.

    ``current_since`` is when it became current last, and ``login`` the database login that made it so; a change by an
    earlier release has none.
    """

    hash: str
    stored_at: datetime
    current_since: datetime | None
    login: str | None
    current: bool


class PolicyStore(Protocol):
    """Policies by content hash: append-only."""

    async def get(self, policy_hash: str) -> bytes | None:
        """The document of that hash, or None."""
        ...

    async def current(self) -> str | None:
        """The hash of the policy that was made current last, or None if none ever was."""
        ...


class PolicyChanges(PolicyStore, Protocol):
    """The policy store for an operator."""

    async def put(self, document: bytes) -> str:
        """Keep a canonical policy document; give its SHA-256, hexadecimal. A repeat is a no-op."""
        ...

    async def make_current(self, policy_hash: str) -> str | None:
        """Make a policy current from now on; give the hash of the one that was.

        Recorded for ``system`` in the same transaction, unless it was current already.
        """
        ...

    async def stored(self) -> tuple[StoredPolicy, ...]:
        """All policies: those that were current last come first, those that never were come last."""
        ...
