"""The recorder of refusals over a spool in memory and known keys."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from adapters.postgres.encryption.encrypter import RecordEncrypter
from adapters.postgres.encryption.subject_keys import SubjectKey
from assay_temporal.keyring import KeyUnavailable
from domain.access.principals import Principal, Role
from domain.records.encrypted_rows import EncryptedRow
from domain.records.floods import Windows
from domain.refusals import Kind, Refusal
from services.refusals.drops import DROPPED, Drops
from services.refusals.outbox import Outbox
from services.refusals.recorder import EdgeRecorder
from tests.doubles.clock import FixedClock
from tests.doubles.keys import FixedIdentity, FixedKeyRing, FixedSubjectKeys
from tests.doubles.principals import principal as a_principal
from tests.doubles.spool import MemoryDisk, MemorySealedLog, MemorySpool

SOURCE = "203.0.113.77"
PERSON = a_principal(
    tenant="acme",
    subject="canary-subject",
    client_id="canary-client",
    caller="c" * 32,
    roles=frozenset({Role.AI_OPERATOR}),
)


class SwitchedSubjectKeys(FixedSubjectKeys):
    """Keys of data subjects, with outages of their store and erased tenants."""

    away = False
    gone: frozenset[str] = frozenset()

    async def current(self, tenant: str, subject: str) -> SubjectKey:
        if tenant in self.gone:
            raise KeyUnavailable(tenant, gone=True)
        if self.away:
            raise Refusal(Kind.STORE_UNAVAILABLE, "away")
        return await super().current(tenant, subject)


@dataclass
class EdgeOverDoubles:
    """One process's recorder, and what it depends on."""

    singles: int = 3
    disk: MemoryDisk = field(default_factory=MemoryDisk)
    log: MemorySealedLog = field(default_factory=MemorySealedLog)
    clock: FixedClock = field(default_factory=FixedClock)
    ring: FixedKeyRing = field(default_factory=lambda: FixedKeyRing("acme", "system"))
    subjects: SwitchedSubjectKeys = field(default_factory=SwitchedSubjectKeys)
    dropped: Counter[str] = field(default_factory=Counter)
    windows: int = 8
    offered: int = 0

    def __post_init__(self) -> None:
        self.spool = MemorySpool(self.disk)
        drops = Drops(self._count, self.clock)
        encrypter = RecordEncrypter(self.ring, FixedIdentity(), self.subjects)
        outbox = Outbox(encrypter, self.spool, self.log, drops, retry_seconds=0.001)
        self.recorder = EdgeRecorder(outbox, Windows(self.singles, most=self.windows), drops, self.clock, self._tag)
        self._tags = 0

    def _tag(self) -> str:
        self._tags += 1
        return f"{id(self)}-{self._tags}"

    def _count(self, reason: str, number: int) -> None:
        self.dropped[reason] += number

    def offer(self, kind: Kind = Kind.MISSING_TOKEN, principal: Principal | None = None, route: str = "/v1/x") -> None:
        self.offered += 1
        status = 403 if principal else 401
        self.recorder.offer(Refusal(kind, "no"), principal, method="POST", route=route, status=status, source=SOURCE)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the recorder; cancel it at the end, without draining."""
        task = asyncio.create_task(self.recorder.run())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def die(self) -> None:
        """Effect of killing a process: the lock is free."""
        await self.spool.close()

    def restarted(self) -> "EdgeOverDoubles":
        """The next process on the same disk, with the same log."""
        return EdgeOverDoubles(self.singles, self.disk, self.log, self.clock)

    def rows(self, *, drops: bool = False) -> list[EncryptedRow]:
        """Return the log's records of refusals, or of drops."""
        return [row for row in self.log.rows.values() if (row.open_fields().get("decision") == DROPPED) == drops]

    def recorded(self) -> int:
        """Return the number of refusals counted by the log's records."""
        return sum(row.open_fields().get("count", 1) for row in self.rows())

    def told_dropped(self) -> Counter[str]:
        """Return the number of drops in the log, by reason."""
        told: Counter[str] = Counter()
        for row in self.rows(drops=True):
            told[row.open_fields()["rules"][0]] += row.open_fields()["count"]
        return told


async def eventually(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Poll until ``condition`` holds."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.001)
