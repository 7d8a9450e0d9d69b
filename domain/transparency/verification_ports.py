"""Ports of the log's verification: the stored log, anchors outside the store, public keys.

As in ``domain.ports``, any method of a store may raise ``Refusal``: then the log's state is unknown.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol
from uuid import UUID

from domain.transparency.stored_log import EventPosition, LogKeys, Signed, StoredHead
from domain.transparency.tiles import TileId
from domain.transparency.verification import Entry

Jwks = Mapping[str, Mapping[str, str]]
"""Public keys as JWKs (RFC 8037) by key ID."""


class KeyVersions(Protocol):
    """The versions of a signing key."""

    @property
    def keys(self) -> Jwks:
        """Return the versions that verify."""
        ...


class PublicKeys(Protocol):
    """Public keys by name."""

    async def key_set(self, key_name: str) -> KeyVersions:
        """The key's versions. Raises ``Refusal`` NOT_FOUND if there is no such key."""
        ...


class LogAnchors(Protocol):
    """The log's key and each log's last checkpoint, outside the control of the database's owner."""

    async def keys(self) -> LogKeys:
        """The public keys. Raises ``Refusal`` NOT_FOUND if there is no such key yet."""
        ...

    async def tenants(self) -> set[str]:
        """The tenants with a last checkpoint."""
        ...

    async def note(self, tenant: str) -> str | None:
        """Return the tenant's last signed checkpoint as a signed note, or None."""
        ...


class StoredLog(Protocol):
    """The log as an auditor reads it, in pages of bounded size."""

    async def tenants(self) -> set[str]:
        """The tenants with a leaf, a head, a checkpoint or a pending entry."""
        ...

    async def head(self, tenant: str) -> StoredHead:
        """The tenant's head."""
        ...

    def leaves(self, tenant: str, start: int, end: int) -> AsyncIterator[list[Entry]]:
        """The leaves from ``start`` to before ``end``, with their records."""
        ...

    async def beside(self, missing: Sequence[Entry]) -> list[Entry]:
        """Return these leaves with their records from months detached or attached meanwhile.

        An entry of a month that can't be archived yet is ``lost``.
        """
        ...

    async def count(self, tenant: str, start: int, end: int) -> int:
        """The number of leaves from ``start`` to before ``end``."""
        ...

    async def tiles(self, tenant: str, wanted: Sequence[TileId]) -> tuple[dict[TileId, bytes], int]:
        """Return the stored ones of these tiles, and the current size of the log."""
        ...

    async def event(self, tenant: str, seq: int) -> UUID | None:
        """The event whose leaf has this number."""
        ...

    def checkpoints(self, tenant: str, after: int, upto: int) -> AsyncIterator[Signed]:
        """The checkpoints of more than ``after`` and at most ``upto`` leaves, in their order."""
        ...

    def unplaced(self, tenant: str | None) -> AsyncIterator[tuple[str, UUID]]:
        """Yield records that are neither in the tree nor pending: tenant and event."""
        ...

    async def place(self, event: UUID) -> EventPosition | None:
        """Return the position of an event, or None if it is nowhere."""
        ...

    async def newest_checkpoint(self, tenant: str) -> str | None:
        """The tenant's newest signed note, or None."""
        ...

    async def manifests(self, tenant: str) -> list[str]:
        """The manifests of the tenant's archived months, restored ones too."""
        ...

    async def announcements(self) -> list[str]:
        """The signed announcements of months that are being archived, old ones too."""
        ...

    async def waiting(self, tenant: str) -> tuple[int, float]:
        """Return the number of the tenant's pending records, and the oldest's age (s)."""
        ...

    async def wrong_pending(self, tenant: str) -> tuple[UUID, str] | None:
        """Return a pending entry that does not match its record, with the reason."""
        ...
