"""The sequencer's process: puts what was recorded into the tenants' trees, and has their heads signed. Wiring and pace.

Any number may run: the store lets one at a time sequence.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import structlog

from adapters.backoff import Backoff
from adapters.log_signer_vault import VaultLogSigner
from adapters.log_signing import HeadSigner, LogCondition
from adapters.log_store_postgres import PostgresLogStore
from adapters.pool_postgres import PostgresPool
from adapters.public_keys_vault import VaultPublicKeys
from adapters.vault_session import VaultSession
from config.settings import Settings
from domain.refusals import Refusal
from worker.ready import ready

BATCH = 4096
_MONTHS_AHEAD = 3
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between looks at what is pending while nothing is, and between surveys of all trees."""

    poll: float = 0.05
    survey: float = 60.0


class Sequencer:
    """One process's sequencer. Sequencing, signing and surveying don't wait for each other."""

    def __init__(
        self, store: PostgresLogStore, heads: HeadSigner, condition: LogCondition, pace: Pace | None = None
    ) -> None:
        """Take the store of the trees and the signer of their heads, which shares the condition."""
        self._store = store
        self._heads = heads
        self._condition = condition
        self._pace = pace or Pace()
        self._grown = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set. Whatever is away is waited for."""
        async with asyncio.TaskGroup() as group:
            for turn in (self._sequence, self._sign, self._survey):
                group.create_task(_repeat(turn, stop))

    async def _sequence(self, stop: asyncio.Event) -> None:
        moved = await self._store.sequence(BATCH)
        if moved:
            self._condition.sequenced += moved
            self._grown.set()
        if moved < BATCH:
            await _until(self._pace.poll, stop)

    async def _sign(self, stop: asyncio.Event) -> None:
        self._grown.clear()
        next_due = await self._heads.sign()
        if next_due is None:
            await _until(self._pace.survey, stop, self._grown)
        else:
            await _until(next_due, stop)

    async def _survey(self, stop: asyncio.Event) -> None:
        await self._store.make_months(_MONTHS_AHEAD)
        await self._heads.survey()
        self._condition.waiting, self._condition.oldest_seconds = await self._store.lag()
        await _until(self._pace.survey, stop)


async def serve(settings: Settings, stop: asyncio.Event, *, ready_file: Path | None = None) -> None:
    """Sequence until ``stop`` is set. Nothing is lost by ending: another goes on where this one was."""
    condition = LogCondition()
    async with AsyncExitStack() as stack:
        vault = settings.vault
        session = VaultSession(vault, vault.sequencer, threads=4)
        stack.push_async_callback(session.close)
        await session.start()
        database = settings.database.model_copy(update={"pool_size": 3})  # one a turn
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
        with ready(ready_file):
            log.info("sequencing", log=settings.audit.log_name)
            await Sequencer(store, heads, condition).run(stop)


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
