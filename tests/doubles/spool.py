"""A spool in memory, and a log for what was sealed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from domain.budgets.values import Appended, RecordConflict
from domain.records.encrypted_rows import EncryptedRow, KeyErased
from domain.records.spool import Spooled, SpoolUnavailable
from domain.refusals import Kind, Refusal


@dataclass
class MemoryDisk:
    """State that outlives a process."""

    entries: dict[int, bytes] = field(default_factory=dict)
    max_bytes: int = 1_000_000
    next_place: int = 1
    emptied_by: object = None


class MemorySpool:
    """A ``Spool`` of one process on a disk that several share."""

    def __init__(self, disk: MemoryDisk) -> None:
        self._disk = disk
        self._closed = False
        self.outage: SpoolUnavailable | None = None

    async def put(self, contents: Sequence[bytes]) -> int:
        self._require()
        kept = 0
        for content in contents:
            if sum(map(len, self._disk.entries.values())) + len(content) > self._disk.max_bytes:
                break
            self._disk.entries[self._disk.next_place] = content
            self._disk.next_place += 1
            kept += 1
        return kept

    async def oldest(self, most: int) -> Sequence[Spooled]:
        self._require()
        if self._disk.emptied_by is None:
            self._disk.emptied_by = self
        if self._disk.emptied_by is not self:
            return []
        return [Spooled(place, content) for place, content in sorted(self._disk.entries.items())[:most]]

    async def remove(self, places: Sequence[int]) -> None:
        self._require()
        for place in places:
            self._disk.entries.pop(place, None)

    async def close(self) -> None:
        self._closed = True
        if self._disk.emptied_by is self:
            self._disk.emptied_by = None

    def _require(self) -> None:
        if self._closed:
            raise SpoolUnavailable("the spool is closed")
        if self.outage is not None:
            raise self.outage


class MemorySealedLog:
    """A ``EncryptedLog``: exactly once by event ID."""

    def __init__(self) -> None:
        self.rows: dict[UUID, EncryptedRow] = {}
        self.away = False
        self.erased: set[UUID | None] = set()
        self.repeats = 0

    async def append_encrypted(self, row: EncryptedRow) -> Appended:
        if self.away:
            raise Refusal(Kind.STORE_UNAVAILABLE, "away")
        if row.subject_key in self.erased:
            raise KeyErased
        known = self.rows.get(row.event_id)
        if known is not None and known.content_mac != row.content_mac:
            raise RecordConflict(row.event_id, known.kind)
        self.repeats += known is not None
        stored = self.rows.setdefault(row.event_id, row)
        return Appended(row.event_id, stored.digest, stored.recorded_at, known is not None)
