"""Records on their way into the log without anyone who waits for them: sealed, spooled, appended.

``offer`` does nothing but put a record into a bounded queue. Whatever can't go on is dropped, and counted.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from domain.budgets.values import Appended, RecordConflict
from domain.records.records import Record, open_fields
from domain.records.sealed_rows import KeyErased, SealedRecord, SealedRow, from_bytes, row_of, to_bytes
from domain.records.spool import Spool, Spooled, SpoolUnavailable
from domain.refusals import Kind, Refusal
from services.refusals.drops import Drop, Drops

_WAITING = 1000
_BATCH = 128
_SEALED_AT_ONCE = 32  # some milliseconds of the event loop
_AT_ONCE = 4  # half of the pool: requests need the store, too
_AWAY = frozenset({Kind.STORE_UNAVAILABLE, Kind.VAULT_UNAVAILABLE})

log = structlog.get_logger(__name__)


class Sealer(Protocol):
    """Seals records: see ``RecordSealer``."""

    async def seal(self, record: Record) -> SealedRecord:
        """Encrypt what is to be encrypted."""
        ...


class SealedLog(Protocol):
    """Appends what was sealed: see ``PostgresLedger.append_sealed``."""

    async def append_sealed(self, row: SealedRow) -> Appended:
        """Exactly once by event ID."""
        ...


@dataclass
class _Lane:
    """Records that wait to be sealed. ``blocked`` while their keys can't be had."""

    waiting: deque[Record] = field(default_factory=deque)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    blocked: bool = False

    def __post_init__(self) -> None:
        self.idle.set()


class Outbox:
    """Takes records, and gets each into the log once: also after a restart, if it was spooled by then.

    Those about a person wait in a lane of their own: a person's key comes from the store, which may be away.
    """

    def __init__(
        self, sealer: Sealer, spool: Spool, sealed_log: SealedLog, drops: Drops, *, retry_seconds: float = 1.0
    ) -> None:
        """Take the ports. ``retry_seconds`` lie between attempts while something is away."""
        self._sealer = sealer
        self._spool = spool
        self._log = sealed_log
        self._drops = drops
        self._retry_seconds = retry_seconds
        self._lanes = {about_person: _Lane() for about_person in (False, True)}
        self._spooled = asyncio.Event()
        self._delivered = asyncio.Event()

    def offer(self, record: Record) -> None:
        """Take a record. O(1), without I/O."""
        lane = self._lanes[record.sealed.person is not None]
        if len(lane.waiting) >= _WAITING:
            self._drops.add(Drop.KEY_UNAVAILABLE if lane.blocked else Drop.WAITING_FULL, open_fields(record.fields))
            return
        lane.waiting.append(record)
        lane.idle.clear()
        lane.arrived.set()

    async def run(self) -> None:
        """Move what was offered on, for ever; cancel it to stop."""
        async with asyncio.TaskGroup() as group:
            for lane in self._lanes.values():
                group.create_task(self._keep_all(lane))
            group.create_task(self._deliver_all())

    async def drain(self, seconds: float) -> None:
        """Wait until all that was offered is in the log, at most ``seconds``. What is spooled by then is not lost."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                for lane in self._lanes.values():
                    await lane.idle.wait()
                await self._delivered.wait()

    def drop_waiting(self) -> int:
        """Give up what was not spooled, and count it: the process ends."""
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
                lane.waiting.extend(unsealed)  # behind the others: one tenant's key may be away for long
                lane.blocked = bool(unsealed)
                if unsealed:
                    await asyncio.sleep(self._retry_seconds)
            lane.idle.set()

    async def _seal(self, batch: Sequence[Record]) -> tuple[list[SealedRow], list[Record]]:
        """What could be sealed, and what is to be tried again. All at once, so that one wait is the longest."""
        rows: list[SealedRow] = []
        again: list[Record] = []
        sealed = await asyncio.gather(*(self._sealer.seal(record) for record in batch), return_exceptions=True)
        for record, result in zip(batch, sealed, strict=True):
            match result:
                case SealedRecord():
                    rows.append(row_of(result))
                case Refusal(kind=kind) if kind in _AWAY:
                    again.append(record)
                case Refusal(kind=Kind.FORBIDDEN):
                    self._drops.add(Drop.KEY_ERASED, open_fields(record.fields))
                case error:
                    log.error("a refusal could not be encrypted", error=type(error).__name__)
                    self._drops.add(Drop.REJECTED, open_fields(record.fields))
        return rows, again

    async def _keep(self, rows: Sequence[SealedRow]) -> None:
        """Spool; where that can't be done, append at once or give up."""
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
                with contextlib.suppress(TimeoutError):  # another process may put something, or stop emptying the spool
                    async with asyncio.timeout(self._retry_seconds):
                        await self._spooled.wait()

    async def _deliver(self, entries: Sequence[Spooled]) -> list[int]:
        """The places of those that need not be kept any longer."""
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

    async def _append(self, row: SealedRow) -> bool:
        """Whether that is settled: appended, or dropped for good. Not while the store is away."""
        try:
            await self._log.append_sealed(row)
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
