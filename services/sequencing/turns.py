"""Sequencer: moves records into the tenants' trees, and has their heads signed.

Any number may run: the store lets one at a time sequence.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from assay_temporal.backoff import Backoff
from domain.refusals import Kind, Refusal
from domain.transparency.sequencing_ports import TreeStore
from services.sequencing.condition import LogCondition
from services.sequencing.head_signer import HeadSigner
from services.sequencing.witnessing import Witnessing

BATCH = 4096
_LEAST = 64
_MONTHS_AHEAD = 3
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between checks for pending records, of the lag, and of all trees."""

    poll: float = 0.5
    measure: float = 2.0
    witness: float = 1.0
    survey: float = 60.0
    months: float = 3600.0


class Sequencer:
    """Sequencer of one process. Sequencing, signing and surveying don't wait for each other."""

    def __init__(
        self,
        store: TreeStore,
        heads: HeadSigner,
        condition: LogCondition,
        pace: Pace | None = None,
        *,
        witnessing: Witnessing | None = None,
        max_merge_delay_seconds: float = 60.0,
        mark_ready: Callable[[bool], None] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the store, and the signer, which shares the condition.

        ``mark_ready`` is called with the result of ``check`` after every measurement, and with False at the end.
        """
        self._store = store
        self._heads = heads
        self._condition = condition
        self._pace = pace or Pace()
        self._witnessing = witnessing
        self._max_merge_delay = max_merge_delay_seconds
        self._mark_ready = mark_ready or _unmarked
        self._monotonic = monotonic
        self._grown = asyncio.Event()
        self._batch = BATCH
        self._measured_at: float | None = None
        self._signed_at = monotonic()
        self._surveyed = False

    @property
    def name(self) -> str:
        """``log``."""
        return "log"

    async def check(self) -> None:
        """Check that every log is signed, within the maximum merge delay. With ``name`` a ``Dependency``.

        Raises:
            Refusal: INTERNAL if a log was rolled back; STORE_UNAVAILABLE if the maximum merge delay is exceeded.
        """
        if self._condition.stuck:
            raise Refusal(Kind.INTERNAL, "a log has leaves beyond its head: it is not extended any more")
        if self._condition.refused:
            raise Refusal(Kind.INTERNAL, "a log was rolled back or changed: it is not signed any more")
        now = self._monotonic()
        measured = self._measured_at is not None and now - self._measured_at <= self._max_merge_delay
        if not measured or max(self._condition.oldest_seconds, now - self._signed_at) > self._max_merge_delay:
            raise Refusal(Kind.STORE_UNAVAILABLE, "records exceed the maximum merge delay")

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set. Unavailable servers are waited for."""
        async with asyncio.TaskGroup() as group:
            for turn in (self._sequence, self._sign, self._survey, self._measure, self._months, self._witness):
                group.create_task(_repeat(turn, stop))
        self._mark_ready(False)

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
        if next_due is None:  # another sequencer may have grown a tree, and ended
            await _until(self._pace.measure, stop, self._grown)
        else:
            await _until(next_due, stop)

    async def _survey(self, stop: asyncio.Event) -> None:
        await self._heads.survey()
        self._surveyed = True
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
            if self._surveyed:  # before, it has not looked at every log
                await self._store.note_refused(self._condition.refused.keys())
            self._measured_at = self._monotonic()
        finally:
            try:
                await self.check()
            except Refusal as wrong:
                self._mark_ready(False)
                log.warning("log.not_kept_up", reason=wrong.detail)
            else:
                self._mark_ready(True)
        await _until(self._pace.measure, stop)

    def _note_stuck(self, stuck: set[str]) -> None:
        for tenant in stuck - self._condition.stuck:
            log.error("log.stuck", security=True, tenant=tenant, reason="there are leaves beyond its head")
        for tenant in self._condition.stuck - stuck:
            log.info("log.grows_again", tenant=tenant)
        self._condition.stuck = stuck


def _unmarked(_ready: bool) -> None:
    pass


async def _repeat(turn: Callable[[asyncio.Event], Awaitable[None]], stop: asyncio.Event) -> None:
    """Take turns until ``stop``; after failures with increasing delay."""
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
