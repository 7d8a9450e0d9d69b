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
        """Return the document with that hash, or None."""
        ...

    async def current(self) -> str | None:
        """Return the hash of the current policy, or None if there never was one."""
        ...


class PolicyChanges(PolicyStore, Protocol):
    """The policy store for an operator."""

    async def put(self, document: bytes) -> str:
        """Store a canonical policy document; return its SHA-256, hexadecimal. A repeat is a no-op."""
        ...

    async def make_current(self, policy_hash: str) -> str | None:
        """Make a policy current; return the hash of the previous one.

        Recorded for ``system`` in the same transaction, unless it was current already.
        """
        ...

    async def stored(self) -> tuple[StoredPolicy, ...]:
        """Return all policies: most recently current first, those never current last."""
        ...
