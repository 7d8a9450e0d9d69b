"""Sequencing over the real PostgreSQL: every record in the tree once, without a gap, and the tiles are the tree's."""

import asyncio

import pytest
from prometheus_client import CollectorRegistry

from adapters.log.store import PostgresLogStore
from adapters.postgres.pool import PostgresPool
from domain.refusals import Refusal
from services.sequencing.condition import LogCondition
from services.sequencing.head_signer import HeadSigner
from services.sequencing.turns import Sequencer
from tests.adapters.stack import Stack, eventually
from tests.doubles.log.rows import LEAVES, append, new_tenant
from tests.doubles.log.verifier import assert_whole, drained
from worker.log_metrics import LogMetrics


@pytest.fixture
def store(sequencer_pool: PostgresPool) -> PostgresLogStore:
    return PostgresLogStore(sequencer_pool)


@pytest.mark.parametrize("steps", [(1,), (255, 1, 1), (256, 256), (300, 700, 1, 23)])
async def test_the_tree_is_that_of_the_records_however_it_grew(
    store: PostgresLogStore, sequencer_pool: PostgresPool, writer_pool: PostgresPool, steps: tuple[int, ...]
) -> None:
    tenant, events = new_tenant(), set()
    for step in steps:
        events |= set(await append(writer_pool, tenant, step))
        await drained(store)
    await assert_whole(sequencer_pool, tenant, events)


async def test_a_batch_takes_no_more_than_it_should_and_several_tenants_at_once(
    store: PostgresLogStore, sequencer_pool: PostgresPool, writer_pool: PostgresPool
) -> None:
    await drained(store)
    tenants = {new_tenant(): set() for _ in range(3)}
    for _ in range(4):
        for tenant, events in tenants.items():
            events |= set(await append(writer_pool, tenant, 5))
    assert await store.sequence(7) == 7
    await drained(store, most=7)
    for tenant, events in tenants.items():
        await assert_whole(sequencer_pool, tenant, events)


async def test_two_sequencers_and_writers_at_once_leave_no_gap(
    store: PostgresLogStore, sequencer_pool: PostgresPool, writer_pool: PostgresPool
) -> None:
    tenants = {new_tenant(): set() for _ in range(2)}

    async def write(tenant: str) -> None:
        for count in (1, 3, 40, 300):
            tenants[tenant] |= set(await append(writer_pool, tenant, count))

    async with asyncio.TaskGroup() as group:
        for tenant in tenants:
            group.create_task(write(tenant))
        for _ in range(2):
            group.create_task(drained(store, PostgresLogStore(sequencer_pool), most=50))
    await drained(store)
    for tenant, events in tenants.items():
        await assert_whole(sequencer_pool, tenant, events)


async def test_a_repeated_append_is_one_leaf(
    store: PostgresLogStore, sequencer_pool: PostgresPool, writer_pool: PostgresPool
) -> None:
    tenant = new_tenant()
    event = (await append(writer_pool, tenant, 1))[0]
    await drained(store)
    with pytest.raises(Exception, match="other content"):
        await append(writer_pool, tenant, 1, [event], b"other")
    await append(writer_pool, tenant, 1, [event])
    await drained(store)
    await assert_whole(sequencer_pool, tenant, {event})


async def test_a_tenant_with_a_damaged_tile_stands_still_and_the_others_go_on(
    stack: Stack, store: PostgresLogStore, sequencer_pool: PostgresPool, writer_pool: PostgresPool
) -> None:
    tenant, other = new_tenant(), new_tenant()
    await append(writer_pool, tenant, 3)
    await drained(store)
    root = await stack.superuser()
    await root.execute("UPDATE assay.tile SET hashes = substr(hashes, 1, 32) WHERE tenant = $1", tenant)
    await root.close()
    for _ in range(2):
        await append(writer_pool, tenant, 1)
        events = set(await append(writer_pool, other, 1))
        await drained(store)
    heads = {head.tenant: head for head in await store.unsigned()}
    assert len(await sequencer_pool.fetch(LEAVES, tenant)) == 5
    assert heads[tenant].damaged
    assert not heads[other].damaged
    assert len(events) == 1


@pytest.mark.parametrize("damage", ["UPDATE assay.log_head SET size = 2 WHERE tenant = $1", "gone"])
async def test_a_tenant_whose_head_was_made_smaller_keeps_no_other_and_is_told(
    stack: Stack, store: PostgresLogStore, sequencer_pool: PostgresPool, writer_pool: PostgresPool, damage: str
) -> None:
    tenant, other = new_tenant(), new_tenant()
    events = set(await append(writer_pool, tenant, 3))
    await drained(store)
    assert tenant not in await store.stuck()
    root = await stack.superuser()
    before = await root.fetchrow("SELECT size, edge FROM assay.log_head WHERE tenant = $1", tenant)
    await root.execute("DELETE FROM assay.log_head WHERE tenant = $1" if damage == "gone" else damage, tenant)
    events |= set(await append(writer_pool, tenant, 5))
    others = set(await append(writer_pool, other, 4))
    await drained(store, most=2)  # less than what the damaged one has waiting
    await assert_whole(sequencer_pool, other, others)
    assert len(await sequencer_pool.fetch(LEAVES, tenant)) == 3
    assert tenant in await store.stuck()
    assert (await store.lag())[0] == 5, "its records wait"

    condition, registry = LogCondition(), CollectorRegistry()
    registry.register(LogMetrics(condition))
    sequencer = Sequencer(store, HeadSigner(store, Unused(), condition), condition)
    await sequencer._measure(set_event())
    with pytest.raises(Refusal, match="leaves beyond its head"):
        await sequencer.check()
    assert registry.get_sample_value("assay_log_stuck_logs") == 1

    await root.execute(
        "INSERT INTO assay.log_head (tenant, size, edge) VALUES ($1, $2, $3)"
        " ON CONFLICT (tenant) DO UPDATE SET size = excluded.size, edge = excluded.edge",
        *(tenant, before["size"], before["edge"]),
    )
    await root.close()
    await drained(store)
    await assert_whole(sequencer_pool, tenant, events)
    await sequencer._measure(set_event())
    assert await store.stuck() == set()
    await sequencer.check()


class Unused:
    """A signer that is never called."""


def set_event() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@pytest.mark.usefixtures("everybody_serves_again")
async def test_a_killed_postgresql_costs_nothing_but_time(
    stack: Stack, store: PostgresLogStore, sequencer_pool: PostgresPool, writer_pool: PostgresPool
) -> None:
    tenant = new_tenant()
    events = set(await append(writer_pool, tenant, 300))
    killed = asyncio.create_task(stack.servers.kill("postgres"))

    async def go_on() -> None:
        while True:
            await store.sequence(1)

    with pytest.raises(Refusal):
        await go_on()
    await killed
    await stack.servers.until_ready("postgres")

    async def sequences() -> bool:
        try:
            await drained(store)
        except Refusal:
            return False
        return True

    await eventually(sequences)
    await assert_whole(sequencer_pool, tenant, events)


async def test_lag_and_months_are_told(store: PostgresLogStore, writer_pool: PostgresPool) -> None:
    await drained(store)
    assert await store.lag() == (0, 0.0)
    await append(writer_pool, new_tenant(), 2)
    waiting, oldest = await store.lag()
    assert waiting == 2
    assert oldest > 0
    await drained(store)
    assert await store.make_months(3) == 0
