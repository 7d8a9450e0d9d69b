"""The sequencer's process: puts what was recorded into the tenants' trees, and has their heads signed. Wiring and pace.

Any number may run: the store lets one at a time sequence.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry

from adapters.log.head_signer import HeadSigner, LogCondition
from adapters.log.store import PostgresLogStore
from adapters.log.verify.receipts import holds
from adapters.log.witness import HttpWitness
from adapters.log.witnessing import Witnessing
from adapters.postgres.pool import PostgresPool
from adapters.vault.log_signer import VaultLogSigner
from adapters.vault.public_keys import VaultPublicKeys
from adapters.vault.session import ServiceSession
from assay_temporal.backoff import Backoff
from config.settings import AuditSettings, Settings
from domain.refusals import Kind, Refusal
from domain.transparency.cosignatures import parse_cosigner
from worker.log_metrics import LogMetrics, metrics_port

BATCH = 4096
_LEAST = 64
_MONTHS_AHEAD = 3
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between looks at what is pending while nothing is, at the lag, and at all trees."""

    poll: float = 0.5
    measure: float = 2.0
    witness: float = 1.0
    survey: float = 60.0
    months: float = 3600.0


class Sequencer:
    """One process's sequencer. Sequencing, signing and surveying don't wait for each other."""

    def __init__(
        self,
        store: PostgresLogStore,
        heads: HeadSigner,
        condition: LogCondition,
        pace: Pace | None = None,
        *,
        witnessing: Witnessing | None = None,
        promise_seconds: float = 60.0,
        ready_file: Path | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the store of the trees and the signer of their heads, which shares the condition.

        ``ready_file`` exists while ``check`` passes.
        """
        self._store = store
        self._heads = heads
        self._condition = condition
        self._pace = pace or Pace()
        self._witnessing = witnessing
        self._promise = promise_seconds
        self._ready_file = ready_file
        self._monotonic = monotonic
        self._grown = asyncio.Event()
        self._batch = BATCH
        self._measured_at: float | None = None
        self._signed_at = monotonic()

    @property
    def name(self) -> str:
        """``log``."""
        return "log"

    async def check(self) -> None:
        """Pass if every log is signed, and records get there in time. With ``name`` a ``Dependency``.

        Raises:
            Refusal: INTERNAL if a log was rolled back; STORE_UNAVAILABLE if the promise is not kept.
        """
        if self._condition.stuck:
            raise Refusal(Kind.INTERNAL, "a log has leaves beyond its head: nothing is put into it any more")
        if self._condition.refused:
            raise Refusal(Kind.INTERNAL, "a log was rolled back or changed: it is not signed any more")
        now = self._monotonic()
        measured = self._measured_at is not None and now - self._measured_at <= self._promise
        if not measured or max(self._condition.oldest_seconds, now - self._signed_at) > self._promise:
            raise Refusal(Kind.STORE_UNAVAILABLE, "records do not get into the signed log in time")

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set. Whatever is away is waited for."""
        async with asyncio.TaskGroup() as group:
            for turn in (self._sequence, self._sign, self._survey, self._measure, self._months, self._witness):
                group.create_task(_repeat(turn, stop))
        self._mark(ready=False)

    async def _sequence(self, stop: asyncio.Event) -> None:
        batch = self._batch
        self._batch = max(_LEAST, batch // 2)  # if it fails, it may have been too much for a statement's time limit
        moved = await self._store.sequence(batch)
        self._batch = min(BATCH, batch * 2)
        if moved:
            self._condition.sequenced += moved
            self._grown.set()
        if moved < batch:
            await _until(self._pace.poll, stop)

    async def _sign(self, stop: asyncio.Event) -> None:
        self._grown.clear()
        next_due = await self._heads.sign()
        self._signed_at = self._monotonic()
        if next_due is None:  # another sequencer may have grown a tree, and died
            await _until(self._pace.measure, stop, self._grown)
        else:
            await _until(next_due, stop)

    async def _survey(self, stop: asyncio.Event) -> None:
        await self._heads.survey()
        await _until(self._pace.survey, stop)

    async def _witness(self, stop: asyncio.Event) -> None:
        if self._witnessing is None:
            await stop.wait()
            return
        await self._witnessing.submit()
        await _until(self._pace.witness, stop)

    async def _months(self, stop: asyncio.Event) -> None:
        await self._store.make_months(_MONTHS_AHEAD)
        await _until(self._pace.months, stop)

    async def _measure(self, stop: asyncio.Event) -> None:
        try:
            self._condition.waiting, self._condition.oldest_seconds = await self._store.lag()
            self._note_stuck(await self._store.stuck())
            self._measured_at = self._monotonic()
        finally:
            try:
                await self.check()
            except Refusal as wrong:
                self._mark(ready=False)
                log.warning("log.not_kept_up", reason=wrong.detail)
            else:
                self._mark(ready=True)
        await _until(self._pace.measure, stop)

    def _note_stuck(self, stuck: set[str]) -> None:
        for tenant in stuck - self._condition.stuck:
            log.error("log.stuck", security=True, tenant=tenant, reason="there are leaves beyond its head")
        for tenant in self._condition.stuck - stuck:
            log.info("log.grows_again", tenant=tenant)
        self._condition.stuck = stuck

    def _mark(self, *, ready: bool) -> None:
        if self._ready_file is not None and ready:
            self._ready_file.touch(mode=0o600)
        elif self._ready_file is not None:
            self._ready_file.unlink(missing_ok=True)


async def serve(
    settings: Settings,
    stop: asyncio.Event,
    registry: CollectorRegistry,
    *,
    ready_file: Path | None = None,
    alone: bool = False,
) -> None:
    """Sequence until ``stop`` is set. Nothing is lost by ending: another goes on where this one was.

    A process that does nothing else (``alone``) serves its metrics by itself, where the settings name a port.
    """
    condition = LogCondition()
    registry.register(LogMetrics(condition))
    async with AsyncExitStack() as stack:
        if alone:
            stack.enter_context(metrics_port(settings.audit.metrics_port, registry))
        vault = settings.vault
        session = ServiceSession(vault, vault.sequencer, threads=4)
        stack.push_async_callback(session.close)
        await session.start()
        database = settings.database.model_copy(update={"pool_size": 5})  # one a turn
        pool = PostgresPool(session, database, "assay-sequencer", mount=vault.database_mount)
        stack.push_async_callback(pool.close)
        await pool.start()
        store = PostgresLogStore(pool)
        signer = VaultLogSigner(
            session,
            VaultPublicKeys(session, transit_mount=vault.transit_mount),
            log_name=settings.audit.log_name,
            kv_mount=vault.kv_mount,
            transit_mount=vault.transit_mount,
        )
        heads = HeadSigner(store, signer, condition, checkpoint_seconds=settings.audit.checkpoint_seconds)
        sequencer = Sequencer(
            store,
            heads,
            condition,
            witnessing=await _witnessing(settings.audit, store, condition, stack),
            promise_seconds=settings.audit.promise_seconds,
            ready_file=ready_file,
        )
        log.info("sequencing", log=settings.audit.log_name)
        await sequencer.run(stop)


async def _witnessing(
    settings: AuditSettings, store: PostgresLogStore, condition: LogCondition, stack: AsyncExitStack
) -> Witnessing | None:
    if settings.witness_url is None or settings.witness_vkey is None:
        return None
    witness = HttpWitness(settings.witness_url, parse_cosigner(settings.witness_vkey), holds)
    return Witnessing(store, await stack.enter_async_context(witness), condition)


async def _repeat(turn: Callable[[asyncio.Event], Awaitable[None]], stop: asyncio.Event) -> None:
    """Take turns until ``stop``; after one that failed, wait longer and longer."""
    backoff = Backoff()
    while not stop.is_set():
        try:
            await turn(stop)
            backoff.reset()
        except (Refusal, ValueError) as error:
            reason = error.kind if isinstance(error, Refusal) else type(error).__name__
            log.warning("log.turn_failed", turn=turn.__name__.strip("_"), reason=reason)
            await _until(backoff.next(), stop)


async def _until(seconds: float, *events: asyncio.Event) -> None:
    """Wait for one of the events, so long at most."""
    waiting = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
