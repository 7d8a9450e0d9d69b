"""Ports of the archiver: months in the database, storage of files, compression.

As in ``domain.ports``, any method may raise ``Refusal``.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date
from typing import Any, Protocol
from uuid import UUID

from domain.transparency.archive import ArchiveRow, TenantRows


class ArchivePlace(Protocol):
    """Storage of archived files. Each method raises ``Refusal`` STORE_UNAVAILABLE if it can't be reached."""

    async def put(self, name: str, chunks: AsyncIterator[bytes] | bytes) -> None:
        """Store a file durably, whole or not at all. Replaces an existing one."""
        ...

    def read(self, name: str) -> AsyncIterator[bytes]:
        """The content of a file, in chunks. Raises ``ArchiveGone`` if there is no such file."""
        ...


class LineFiles(Protocol):
    """Compression of files of lines, in pieces."""

    def compressed(self, batches: AsyncIterator[Sequence[str]]) -> AsyncIterator[bytes]:
        """Compress lines to a file. The same lines give the same bytes."""
        ...

    def lines(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[list[str]]:
        """Decompress a file to lines. Raises ``ArchiveInvalid`` for another kind of file, or a truncated one."""
        ...


class ArchiveStore(Protocol):
    """Months of the log in the database. Methods that move a month raise ``MonthStays`` if it can't be moved now."""

    async def due(self, keep_months: int) -> list[date]:
        """Months that ended at least ``keep_months`` months ago, oldest first; without those restored lately."""
        ...

    async def state(self, month: date) -> str:
        """Return ``attached`` (part of the log), ``detached`` (a separate table) or ``absent``."""
        ...

    async def announce(self, month: date, signed: str) -> None:
        """Store the signed announcement that a month will be archived; it replaces an older one."""
        ...

    async def detach(self, month: date) -> None:
        """Detach a month from the log. A repeat is a no-op."""
        ...

    async def attach(self, month: date) -> None:
        """Attach it again. A repeat is a no-op."""
        ...

    async def drop(self, month: date) -> None:
        """Drop a month that is in verified files."""
        ...

    async def tenants(self, month: date) -> list[TenantRows]:
        """The records of a detached month, by tenant."""
        ...

    def pages(self, month: date, rows: TenantRows) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
        """Yield the columns of the entries from a tenant's first to last record.

        Entries of other months come without their records: their ``tenant`` is None.
        """
        ...

    async def noted(self, month: date | None = None) -> list[ArchiveRow]:
        """The archives of a month, or all."""
        ...

    async def keep(self, month: date, tenant: str, place: str, sha256: bytes, signed: str, rows: TenantRows) -> None:
        """Note a file and its signed manifest."""
        ...

    async def verified(self, month: date, tenant: str, sha256: bytes) -> None:
        """Note that a file was read back and verified."""
        ...

    async def begin_restore(self, month: date) -> None:
        """Make a table for a restored month. A repeat is a no-op."""
        ...

    async def restore_rows(self, month: date, tenant: str, lines: Sequence[str]) -> None:
        """Insert records; those already there stay."""
        ...

    async def end_restore(self, month: date, tenants: Sequence[str]) -> None:
        """Attach it to the log again."""
        ...

    async def leaves(self, tenant: str, seqs: Sequence[int]) -> dict[int, tuple[UUID, bytes]]:
        """Return event and digest of leaves, by their positions."""
        ...

    async def leaf_count(self, tenant: str, month: date) -> int:
        """The number of a tenant's leaves of a month's events."""
        ...

    def entries(self, tenant: str, size: int) -> AsyncIterator[list[bytes]]:
        """The digests of the first ``size`` leaves, some at a time. Raises ``ArchiveInvalid`` if one is missing."""
        ...

    async def checkpoint(self, tenant: str, last_seq: int) -> str | None:
        """The oldest signed note that covers this leaf, or None."""
        ...
