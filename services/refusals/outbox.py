"""Outbox of records without a waiter: encrypted, spooled, appended to the log.

``offer`` only puts a record into a bounded queue. Records that can't proceed are dropped, and counted.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from domain.budgets.values import Appended, RecordConflict
from domain.records.encrypted_rows import EncryptedRecord, EncryptedRow, KeyErased, from_bytes, row_of, to_bytes
from domain.records.fields import open_fields
from domain.records.records import Record
from domain.records.spool import Spool, Spooled, SpoolUnavailable
from domain.refusals import Kind, Refusal
from services.refusals.drops import Drop, Drops

_WAITING = 1000
_BATCH = 128
_SEALED_AT_ONCE = 32  # some milliseconds of the event loop
_AT_ONCE = 4  # half of the pool: requests need the database, too
_AWAY = frozenset({Kind.STORE_UNAVAILABLE, Kind.VAULT_UNAVAILABLE})

log = structlog.get_logger(__name__)


class Encrypter(Protocol):
    """Encrypts records: see ``RecordEncrypter``."""

    async def seal(self, record: Record) -> EncryptedRecord:
        """Encrypt the fields that must be encrypted."""
        ...


class EncryptedLog(Protocol):
    """Appends encrypted records: see ``PostgresLedger.append_encrypted``."""

    async def append_encrypted(self, row: EncryptedRow) -> Appended:
        """Append a row, exactly once by event ID."""
        ...


@dataclass
class _Lane:
    """Records waiting for encryption. ``blocked`` while their keys are unavailable."""

    waiting: deque[Record] = field(default_factory=deque)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    blocked: bool = False

    def __post_init__(self) -> None:
        self.idle.set()


class Outbox:
    """Appends each accepted record to the log once: also after a restart, if it was spooled by then.

    Records of data subjects have a queue of their own: their keys come from the database, which may be unavailable.
    """

    def __init__(
        self, encrypter: Encrypter, spool: Spool, sealed_log: EncryptedLog, drops: Drops, *, retry_seconds: float = 1.0
    ) -> None:
        """Take the ports. ``retry_seconds`` is the delay between attempts while a server is unavailable."""
        self._encrypter = encrypter
        self._spool = spool
        self._log = sealed_log
        self._drops = drops
        self._retry_seconds = retry_seconds
        self._lanes = {about_person: _Lane() for about_person in (False, True)}
        self._spooled = asyncio.Event()
        self._delivered = asyncio.Event()

    def offer(self, record: Record) -> None:
        """Accept a record. O(1), without I/O."""
        lane = self._lanes[record.sealed.data_subject is not None]
        if len(lane.waiting) >= _WAITING:
            self._drops.add(Drop.KEY_UNAVAILABLE if lane.blocked else Drop.WAITING_FULL, open_fields(record.fields))
            return
        lane.waiting.append(record)
        lane.idle.clear()
        lane.arrived.set()

    async def run(self) -> None:
        """Process accepted records until cancelled."""
        async with asyncio.TaskGroup() as group:
            for lane in self._lanes.values():
                group.create_task(self._keep_all(lane))
            group.create_task(self._deliver_all())

    async def drain(self, seconds: float) -> None:
        """Wait until all accepted records are in the log, at most ``seconds``. Spooled ones are not lost."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                for lane in self._lanes.values():
                    await lane.idle.wait()
                await self._delivered.wait()

    def drop_waiting(self) -> int:
        """Drop records that were not spooled, and count them: the process ends."""
        dropped = 0
        for lane in self._lanes.values():
            while lane.waiting:
                self._drops.add(Drop.STOPPED, open_fields(lane.waiting.popleft().fields))
                dropped += 1
        return dropped

    async def _keep_all(self, lane: _Lane) -> None:
        while True:
            await lane.arrived.wait()
            lane.arrived.clear()
            while lane.waiting:
                batch = [lane.waiting.popleft() for _ in range(min(_SEALED_AT_ONCE, len(lane.waiting)))]
                try:
                    rows, unsealed = await self._seal(batch)
                    await self._keep(rows)
                except asyncio.CancelledError:
                    lane.waiting.extend(batch)
                    raise
                lane.waiting.extend(unsealed)  # after the others: one tenant's key may be unavailable for long
                lane.blocked = bool(unsealed)
                if unsealed:
                    await asyncio.sleep(self._retry_seconds)
            lane.idle.set()

    async def _seal(self, batch: Sequence[Record]) -> tuple[list[EncryptedRow], list[Record]]:
        """Return encrypted records, and those to retry. Concurrent, so that one wait is the longest."""
        rows: list[EncryptedRow] = []
        again: list[Record] = []
        sealed = await asyncio.gather(*(self._encrypter.seal(record) for record in batch), return_exceptions=True)
        for record, result in zip(batch, sealed, strict=True):
            match result:
                case EncryptedRecord():
                    rows.append(row_of(result))
                case Refusal(kind=kind) if kind in _AWAY:
                    again.append(record)
                case Refusal(kind=Kind.FORBIDDEN):
                    self._drops.add(Drop.KEY_ERASED, open_fields(record.fields))
                case error:
                    log.error("a refusal could not be encrypted", error=type(error).__name__)
                    self._drops.add(Drop.REJECTED, open_fields(record.fields))
        return rows, again

    async def _keep(self, rows: Sequence[EncryptedRow]) -> None:
        """Spool the rows; if that fails, append them at once or drop them."""
        try:
            kept = await self._spool.put([to_bytes(row) for row in rows]) if rows else 0
        except SpoolUnavailable as error:
            log.error("the spool can't be written", error=str(error))
            for row in rows:
                if not await self._append(row):
                    self._drops.add(Drop.SPOOL_UNAVAILABLE, row.open_fields())
            return
        if kept:
            self._delivered.clear()
            self._spooled.set()
        for row in rows[kept:]:
            self._drops.add(Drop.SPOOL_FULL, row.open_fields())

    async def _deliver_all(self) -> None:
        settled: list[int] = []
        while True:
            self._spooled.clear()
            entries: Sequence[Spooled] = ()
            try:
                if settled:  # first of all: nothing is delivered, or counted, twice
                    await self._spool.remove(settled)
                    settled = []
                entries = await self._spool.oldest(_BATCH)
                settled = await self._deliver(entries)
            except SpoolUnavailable as error:
                log.error("the spool can't be read", error=str(error))
            if entries and not settled:
                await asyncio.sleep(self._retry_seconds)
            if not entries:
                self._delivered.set()
                with contextlib.suppress(TimeoutError):  # another process may add entries, or stop emptying the spool
                    async with asyncio.timeout(self._retry_seconds):
                        await self._spooled.wait()

    async def _deliver(self, entries: Sequence[Spooled]) -> list[int]:
        """Return the positions of entries that need not be stored any longer."""
        done: list[int] = []
        for start in range(0, len(entries), _AT_ONCE):
            some = entries[start : start + _AT_ONCE]
            settled = await asyncio.gather(*(self._settle(entry) for entry in some))
            done += [entry.place for entry, is_settled in zip(some, settled, strict=True) if is_settled]
            if not all(settled):
                break
        return done

    async def _settle(self, entry: Spooled) -> bool:
        try:
            row = from_bytes(entry.content or b"")
        except ValueError:
            self._drops.add(Drop.DAMAGED, {})
            return True
        return await self._append(row)

    async def _append(self, row: EncryptedRow) -> bool:
        """Return True if an entry is settled: appended, or dropped for good. False during an outage."""
        try:
            await self._log.append_encrypted(row)
        except KeyErased:
            self._drops.add(Drop.KEY_ERASED, row.open_fields())
        except RecordConflict:
            self._drops.add(Drop.REJECTED, row.open_fields())
        except Refusal as refusal:
            if refusal.kind in _AWAY:
                return False
            log.error("the log rejected the record of a refusal", kind=refusal.kind.value)
            self._drops.add(Drop.REJECTED, row.open_fields())
        except Exception as error:  # noqa: BLE001 - one bad record must not stop the others
            log.error("a refusal could not be recorded", error=type(error).__name__)
            self._drops.add(Drop.REJECTED, row.open_fields())
        return True
