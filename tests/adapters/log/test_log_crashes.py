"""Whatever dies when, and whoever works at the same time: each event is one leaf, and checkpoints only grow.

Writers and two sequencers work on the real servers; each call of one may be the last of its process, before or after it
took effect. A process that died is started again without what it knew. The seed makes the dice, not the timing.
"""

import asyncio
import random
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from adapters.log.store import PostgresLogStore
from adapters.postgres.pool import PostgresPool
from adapters.vault.calls import kv_read
from adapters.vault.log_signer import VaultLogSigner
from adapters.vault.public_keys import VaultPublicKeys
from adapters.vault.session import ServiceSession
from domain.refusals import Refusal
from domain.transparency.heads import TreeHead, growth, tiles_for_growth
from embedded.places import as_environment
from services.sequencing.condition import LogCondition
from services.sequencing.head_signer import HeadSigner
from tests.adapters.stack import Stack, eventually
from tests.doubles.events import new_event_id
from tests.doubles.log.rows import CHECKPOINTS, append, new_tenant
from tests.doubles.log.verifier import assert_whole, drained, opened
from tests.processes import bound

LOG = "assay.local"  # one name for all tests: a sequencer signs every log, and Vault keeps its name


class Dies(Exception):
    """The process is gone at this point."""


class Dice:
    """Says who dies."""

    def __init__(self, seed: int, chance: float) -> None:
        self.random = random.Random(seed)  # noqa: S311 - dice
        self.chance = chance
        self.deaths = 0

    def throw(self) -> None:
        if self.random.random() < self.chance:
            self.deaths += 1
            raise Dies


class DyingConnection:
    def __init__(self, real: Any, dice: Dice) -> None:
        self._real, self._dice = real, dice

    async def fetch(self, *arguments: Any) -> Any:
        self._dice.throw()
        found = await self._real.fetch(*arguments)
        self._dice.throw()
        return found

    async def execute(self, *arguments: Any) -> Any:
        self._dice.throw()
        done = await self._real.execute(*arguments)
        self._dice.throw()
        return done


class DyingPool(DyingConnection):
    """A pool whose user may die before, in and after each statement and transaction."""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[DyingConnection]:
        async with self._real.transaction() as connection:
            yield DyingConnection(connection, self._dice)
            self._dice.throw()
        self._dice.throw()


class DyingSession:
    """A session whose user may die before and after each call."""

    def __init__(self, real: ServiceSession, dice: Dice) -> None:
        self._real, self._dice = real, dice

    async def call(self, fn: Any) -> Any:
        return await self._survived(lambda: self._real.call(fn))

    async def post(self, path: str, body: Any) -> Any:
        return await self._survived(lambda: self._real.post(path, body))

    async def _survived(self, ask: Callable[[], Awaitable[Any]]) -> Any:
        self._dice.throw()
        made = await ask()
        self._dice.throw()
        return made


def process(pool: Any, session: Any, condition: LogCondition | None = None) -> tuple[PostgresLogStore, HeadSigner]:
    """A sequencer that knows nothing yet."""
    store, signer = PostgresLogStore(pool), VaultLogSigner(session, VaultPublicKeys(session), log_name=LOG)
    return store, HeadSigner(store, signer, condition or LogCondition(), checkpoint_seconds=0)


@pytest.mark.parametrize("seed", range(6))
async def test_every_event_is_one_leaf_and_checkpoints_only_grow(
    stack: Stack,
    sequencer_pool: PostgresPool,
    sequencer_session: ServiceSession,
    writer_pool: PostgresPool,
    seed: int,
) -> None:
    dice = Dice(seed, 0.04)
    recorded = {new_tenant(): set[Any]() for _ in range(3)}
    written = asyncio.Event()

    async def write(tenant: str) -> None:
        for _ in range(12):
            events = [new_event_id() for _ in range(dice.random.choice((1, 2, 30, 260)))]
            while True:
                try:
                    await append(DyingPool(writer_pool, dice), tenant, 0, events)
                    break
                except Dies:  # it can't know whether it took effect, and asks again
                    continue
            recorded[tenant] |= set(events)

    async def sequence() -> None:
        store, heads = process(DyingPool(sequencer_pool, dice), DyingSession(sequencer_session, dice))
        while not written.is_set():
            try:
                await store.sequence(dice.random.choice((1, 17, 300, 4096)))
                await (heads.survey() if dice.random.random() < 0.2 else heads.sign())
            except Dies:
                store, heads = process(DyingPool(sequencer_pool, dice), DyingSession(sequencer_session, dice))

    async with asyncio.TaskGroup() as group:
        sequencers = [group.create_task(sequence()) for _ in range(2)]
        async with asyncio.TaskGroup() as writers:
            for tenant in recorded:
                writers.create_task(write(tenant))
        written.set()
        await asyncio.wait(sequencers)

    assert dice.deaths > 0  # how many depends on how often they get a turn
    condition = LogCondition()
    store, heads = process(sequencer_pool, sequencer_session, condition)
    await drained(store)
    await heads.sign()
    assert not condition.refused.keys() & recorded.keys()
    for tenant, events in recorded.items():
        await assert_whole(sequencer_pool, tenant, events)
        await assert_grown(stack, store, sequencer_pool, tenant, len(events))


async def assert_grown(
    stack: Stack, store: PostgresLogStore, pool: PostgresPool, tenant: str, size: int, log_name: str = LOG
) -> None:
    """The published checkpoints are signed, each proves to extend the one before, and Vault has the last."""
    found = await opened(stack, pool, f"{log_name}/{tenant}")
    heads = [TreeHead(checkpoint.size, checkpoint.root) for checkpoint in found]
    for old, new in pairwise(heads):
        tiles = await store.tiles([(tenant, tile) for tile in tiles_for_growth(old, new)])
        assert growth(old, new, tiles[tenant])
    assert heads[-1].size == size
    kept = await stack.as_root(lambda client: kv_read(client, "assay", f"log/{tenant}"))
    rows = await pool.fetch(CHECKPOINTS, tenant)
    assert kept.data["note"] == rows[-1]["note"]
    assert kept.version == len(rows), "each head that Vault kept was shown"


@asynccontextmanager
async def sequencer_process(stack: Stack, log: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """``assay serve --role sequencer``; killed at the end, unless it has ended."""
    vault = stack.vault.model_copy(update={"sequencer": await stack.approle("sequencer")})
    audit = stack.settings.audit.model_copy(update={"checkpoint_seconds": 0.05, "log_name": LOG})
    settings = stack.settings.model_copy(update={"vault": vault, "audit": audit})
    argv = (sys.executable, "-m", "cli.main", "serve", "--role", "sequencer")
    with log.open("ab") as output:
        running = await asyncio.create_subprocess_exec(
            *bound(*argv), env={"PATH": "/usr/bin:/bin", **as_environment(settings)}, stdout=output, stderr=output
        )
    try:
        yield running
    finally:
        if running.returncode is None:
            running.kill()
        await running.wait()


async def test_processes_that_are_killed_leave_nothing_half_done(
    stack: Stack, sequencer_pool: PostgresPool, writer_pool: PostgresPool, tmp_path: Path
) -> None:
    tenant, store = new_tenant(), PostgresLogStore(sequencer_pool)
    events = set[Any]()
    log = tmp_path / "log"

    async def signed(size: int) -> bool:
        return any(row["size"] >= size for row in await sequencer_pool.fetch(CHECKPOINTS, tenant))

    for _ in range(2):
        async with sequencer_process(stack, log) as first, sequencer_process(stack, log):
            goal = len(events) + 200
            while not await signed(goal):  # they are killed at whatever they do then
                events |= set(await append(writer_pool, tenant, 40))
            first.send_signal(signal.SIGKILL)
    async with sequencer_process(stack, log) as last:
        await eventually(lambda: signed(len(events)))
        last.terminate()
        assert await asyncio.wait_for(last.wait(), 20) == 0, log.read_text()
    await assert_whole(sequencer_pool, tenant, events)
    await assert_grown(stack, store, sequencer_pool, tenant, len(events))


async def test_a_pool_that_is_away_is_a_refusal_and_no_death(stack: Stack, sequencer_session: ServiceSession) -> None:
    pool = PostgresPool(sequencer_session, stack.database, "assay-sequencer")  # never started
    with pytest.raises(Refusal):
        await PostgresLogStore(pool).sequence(1)
