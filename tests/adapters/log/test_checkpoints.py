"""Signing heads, over the real Vault and PostgreSQL: what is signed only grows, whoever dies when."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from structlog.testing import capture_logs

from adapters.log.store import PostgresLogStore
from adapters.postgres.pool import PostgresPool
from adapters.vault.calls import kv_read, kv_write, write
from adapters.vault.log_signer import VaultLogSigner
from adapters.vault.public_keys import VaultPublicKeys
from adapters.vault.session import ServiceSession
from domain.ports import Clock
from domain.refusals import Kind, Refusal
from domain.signing_keys import PUBLISHING_DELAY
from domain.transparency.checkpoints import Checkpoint, parse_checkpoint, parse_note
from domain.transparency.merkle import Edge, leaf_hash
from domain.transparency.tiles import new_tiles
from services.sequencing.condition import LogCondition
from services.sequencing.head_signer import HeadSigner
from tests.adapters.stack import Stack, eventually
from tests.doubles.clock import FixedClock
from tests.doubles.log.rows import CHECKPOINTS, LEAVES, append, new_tenant
from tests.doubles.log.verifier import opened

LOG = "assay.local"  # one name for all tests: a sequencer signs every log, and Vault keeps its name


class Dies(Exception):
    """The process is gone at this point."""


def dying(target: object, method: str, *, before: bool) -> None:
    """Have ``method`` raise once, before or after it does its work."""
    real = getattr(target, method)

    async def once(*arguments: Any, **named: Any) -> Any:
        setattr(target, method, real)
        if not before:
            await real(*arguments, **named)
        raise Dies

    setattr(target, method, once)


@dataclass
class Process:
    """Components of one sequencer process."""

    store: PostgresLogStore
    signer: VaultLogSigner
    condition: LogCondition
    heads: HeadSigner


@pytest.fixture
def process(stack: Stack, sequencer_pool: PostgresPool, sequencer_session: ServiceSession) -> Callable[..., Process]:
    def make(
        every_seconds: float = 0.0,
        log_name: str = LOG,
        monotonic: Callable[[], float] = time.monotonic,
        clock: Clock | None = None,
    ) -> Process:
        store = PostgresLogStore(sequencer_pool)
        signer = VaultLogSigner(sequencer_session, VaultPublicKeys(sequencer_session, clock=clock), log_name=log_name)
        condition = LogCondition()
        heads = HeadSigner(store, signer, condition, checkpoint_seconds=every_seconds, monotonic=monotonic)
        return Process(store, signer, condition, heads)

    return make


@pytest.fixture
def tenant(stack: Stack) -> str:
    return new_tenant()


async def grow(process: Process, writer: PostgresPool, tenant: str, count: int) -> None:
    await append(writer, tenant, count)
    while await process.store.sequence(4096):
        pass


async def shown(stack: Stack, pool: PostgresPool, tenant: str) -> list[Checkpoint]:
    """The tenant's published checkpoints, each verified by the log's key, each extending the one before."""
    return await opened(stack, pool, f"{LOG}/{tenant}")


async def kept(stack: Stack, tenant: str) -> Any:
    return await stack.as_root(lambda client: kv_read(client, "assay", f"log/{tenant}"))


async def kept_size(stack: Stack, tenant: str) -> int:
    return parse_checkpoint(parse_note((await kept(stack, tenant)).data["note"]).text).size


async def test_a_head_is_signed_kept_and_shown(
    stack: Stack, process: Callable[..., Process], sequencer_pool: PostgresPool, writer_pool: PostgresPool, tenant: str
) -> None:
    mine = process()
    for count in (3, 300, 70):
        await grow(mine, writer_pool, tenant, count)
        await mine.heads.sign()
    found = await shown(stack, sequencer_pool, tenant)
    assert [checkpoint.size for checkpoint in found] == [3, 303, 373]
    secret = (await kept(stack, tenant)).data
    rows = await sequencer_pool.fetch(CHECKPOINTS, tenant)
    assert secret["note"] == rows[-1]["note"]
    assert mine.condition.checkpoints >= 3


async def test_many_tenants_are_signed_in_one_call(
    stack: Stack, process: Callable[..., Process], sequencer_pool: PostgresPool, writer_pool: PostgresPool
) -> None:
    mine, tenants = process(), [new_tenant() for _ in range(12)]
    for tenant in tenants:
        await append(writer_pool, tenant, 2)
    await grow(mine, writer_pool, tenants[0], 1)
    await mine.heads.sign()
    for tenant in tenants:
        assert len(await shown(stack, sequencer_pool, tenant)) == 1


async def test_checkpoints_of_a_log_keep_their_distance(
    stack: Stack, process: Callable[..., Process], sequencer_pool: PostgresPool, writer_pool: PostgresPool, tenant: str
) -> None:
    mine = process(every_seconds=3600.0)
    await grow(mine, writer_pool, tenant, 1)
    await mine.heads.sign()
    await grow(mine, writer_pool, tenant, 1)
    due_in = await mine.heads.sign()
    assert due_in is not None
    assert 3500 < due_in <= 3600
    assert [c.size for c in await shown(stack, sequencer_pool, tenant)] == [1]


@pytest.mark.parametrize("since_boot", [0.0, 0.1, 484.577])
async def test_a_log_that_was_never_signed_is_due_at_once_whatever_the_clock_says(
    stack: Stack,
    process: Callable[..., Process],
    sequencer_pool: PostgresPool,
    writer_pool: PostgresPool,
    tenant: str,
    since_boot: float,
) -> None:
    mine = process(every_seconds=3600.0, monotonic=lambda: since_boot)
    await grow(mine, writer_pool, tenant, 1)
    await mine.heads.sign()
    assert [c.size for c in await shown(stack, sequencer_pool, tenant)] == [1]


@pytest.mark.parametrize(
    ("part", "method", "before"),
    [
        ("store", "tiles", False),
        ("signer", "sign", False),
        ("signer", "keep", True),
        ("signer", "keep", False),
        ("store", "publish", True),
        ("store", "publish", False),
    ],
)
async def test_a_process_may_die_between_any_two_steps(
    stack: Stack,
    process: Callable[..., Process],
    sequencer_pool: PostgresPool,
    writer_pool: PostgresPool,
    tenant: str,
    part: str,
    method: str,
    before: bool,
) -> None:
    first = process()
    await grow(first, writer_pool, tenant, 5)
    await first.heads.sign()
    await grow(first, writer_pool, tenant, 5)
    dying(getattr(first, part), method, before=before)
    with pytest.raises(Dies):
        await first.heads.sign()
    second = process()
    await second.heads.sign()
    await grow(second, writer_pool, tenant, 5)
    await second.heads.sign()
    assert [c.size for c in await shown(stack, sequencer_pool, tenant)] == [5, 10, 15]
    assert await kept_size(stack, tenant) == 15


async def test_what_another_process_kept_is_shown_even_if_the_log_grew_since(
    stack: Stack, process: Callable[..., Process], sequencer_pool: PostgresPool, writer_pool: PostgresPool, tenant: str
) -> None:
    first, second = process(), process()
    await grow(first, writer_pool, tenant, 2)
    dying(first.store, "publish", before=True)
    with pytest.raises(Dies):
        await first.heads.sign()
    await grow(second, writer_pool, tenant, 3)
    await second.heads.sign()
    assert [c.size for c in await shown(stack, sequencer_pool, tenant)] == [2, 5]


async def test_of_two_at_once_one_decides_and_the_other_follows(
    stack: Stack, process: Callable[..., Process], sequencer_pool: PostgresPool, writer_pool: PostgresPool, tenant: str
) -> None:
    first, second = process(), process()
    for _ in range(4):
        await grow(first, writer_pool, tenant, 3)
        await asyncio.gather(first.heads.sign(), second.heads.sign())
    await first.heads.sign()
    assert [c.size for c in await shown(stack, sequencer_pool, tenant)][-1] == 12
    assert (await kept(stack, tenant)).version == len(await sequencer_pool.fetch(CHECKPOINTS, tenant))


@pytest.mark.parametrize(
    "how", ["smaller", "another tree", "a changed edge", "a changed tile", "a lost tile", "a forged subtree"]
)
async def test_a_log_that_was_rolled_back_is_never_signed_and_the_others_go_on(
    stack: Stack,
    process: Callable[..., Process],
    sequencer_pool: PostgresPool,
    writer_pool: PostgresPool,
    tenant: str,
    how: str,
) -> None:
    mine, other = process(), new_tenant()
    await grow(mine, writer_pool, tenant, 300)
    await mine.heads.sign()
    await tamper(stack, mine, tenant, how)
    with capture_logs() as events:
        for _ in range(2):
            await grow(mine, writer_pool, tenant, 1)
            await grow(mine, writer_pool, other, 1)
            await mine.heads.sign()
    assert tenant in mine.condition.refused
    assert other not in mine.condition.refused
    assert [c.size for c in await shown(stack, sequencer_pool, other)] == [1, 2]
    assert [row["size"] for row in await sequencer_pool.fetch(CHECKPOINTS, tenant)] in ([300], [300, 999])
    told = [event for event in events if event["event"] == "log.rolled_back" and event["tenant"] == tenant]
    assert {(event["security"], event["log_level"]) for event in told} == {(True, "error")}
    assert set(told[0]) == {"event", "log_level", "security", "tenant", "size", "signed", "reason"}
    assert mine.condition.refusals >= 2
    await bury(stack, tenant)


async def tamper(stack: Stack, mine: Process, tenant: str, how: str) -> None:
    root = await stack.superuser()
    if how == "smaller":
        version = (await kept(stack, tenant)).version
        note = (await mine.signer.sign([Checkpoint(f"{LOG}/{tenant}", 999, bytes(32))]))[0]
        await mine.signer.keep(tenant, note, after=await mine.signer.kept(tenant))
        assert (await kept(stack, tenant)).version == version + 1
    elif how == "another tree":
        note = (await mine.signer.sign([Checkpoint(f"{LOG}/{tenant}", 300, bytes(32))]))[0]
        await mine.signer.keep(tenant, note, after=await mine.signer.kept(tenant))
    elif how == "a changed edge":
        await root.execute(
            "UPDATE assay.log_head SET edge = overlay(edge PLACING '\\x00' FROM 1) WHERE tenant = $1", tenant
        )
    elif how == "a forged subtree":
        await forge(stack, tenant)
    elif how == "a changed tile":
        await root.execute(
            "UPDATE assay.tile SET hashes = overlay(hashes PLACING '\\x0000' FROM 1) WHERE tenant = $1", tenant
        )
    else:
        await root.execute("DELETE FROM assay.tile WHERE tenant = $1 AND level = 0 AND idx = 0", tenant)
        await root.execute("DELETE FROM assay.tile WHERE tenant = $1 AND level = 1", tenant)
    await root.close()


async def forge(stack: Stack, tenant: str) -> None:
    """Change a leaf behind the checkpoint, and all above it; the tiles that make the root of that checkpoint stay."""
    root = await stack.superuser()
    leaves = await root.fetch(LEAVES, tenant)
    hashes = [leaf_hash(row["digest"]) for row in leaves]
    more = [leaf_hash(bytes([number])) for number in range(212)]  # so that the second tile is full: one hash above it
    forged = [*hashes[:299], leaf_hash(b"another"), *more]
    tiles = new_tiles(0, forged, {})
    tiles[0, 1] = b"".join([*hashes[256:], *more])
    await root.execute("DELETE FROM assay.tile WHERE tenant = $1", tenant)
    rows = [(tenant, level, idx, content) for (level, idx), content in tiles.items()]
    await root.executemany("INSERT INTO assay.tile VALUES ($1, $2, $3, $4)", rows)
    edge = Edge().append(forged)
    await root.execute("UPDATE assay.log_head SET size = $2, edge = $3 WHERE tenant = $1", tenant, *at(edge))
    await root.close()


def at(edge: Edge) -> tuple[int, bytes]:
    return edge.size, edge.to_bytes()


async def bury(stack: Stack, tenant: str) -> None:
    """Take a log that is not signed any more out of the other tests' way."""
    root = await stack.superuser()
    await root.execute("DELETE FROM assay.log_head WHERE tenant = $1", tenant)
    await root.close()


async def test_a_rollback_is_noticed_at_the_start_though_nothing_grew(
    stack: Stack, process: Callable[..., Process], writer_pool: PostgresPool, tenant: str
) -> None:
    mine = process()
    await grow(mine, writer_pool, tenant, 3)
    await mine.heads.sign()
    await tamper(stack, mine, tenant, "smaller")
    again = process()
    await again.heads.sign()
    assert tenant not in again.condition.refused
    await again.heads.survey()
    assert tenant in again.condition.refused
    await bury(stack, tenant)


@pytest.mark.parametrize("what", ["a damaged entry", "another name"])
async def test_a_log_whose_kept_head_is_not_its_own_is_not_signed(
    stack: Stack,
    process: Callable[..., Process],
    sequencer_pool: PostgresPool,
    writer_pool: PostgresPool,
    tenant: str,
    what: str,
) -> None:
    mine = process()
    await grow(mine, writer_pool, tenant, 3)
    await mine.heads.sign()
    if what == "another name":
        mine = process(log_name="other.example")
    else:
        await stack.as_root(lambda client: kv_write(client, "assay", f"log/{tenant}", {"note": "none"}))
        mine = process()
    await grow(mine, writer_pool, tenant, 3)
    with capture_logs() as events:
        await mine.heads.sign()
        await mine.heads.sign()
    assert tenant in mine.condition.refused
    assert [e["security"] for e in events if e["event"] == "log.rolled_back" and e["tenant"] == tenant] == [True]
    assert len(await sequencer_pool.fetch(CHECKPOINTS, tenant)) == 1
    await bury(stack, tenant)


async def test_a_rotated_key_signs_and_earlier_checkpoints_stay_good(
    stack: Stack, process: Callable[..., Process], sequencer_pool: PostgresPool, writer_pool: PostgresPool, tenant: str
) -> None:
    mine = process()
    await grow(mine, writer_pool, tenant, 1)
    await mine.heads.sign()
    await stack.as_root(lambda client: write(client, "transit/keys/log-signing/rotate", {}))
    later = process(clock=FixedClock(datetime.now(UTC) + PUBLISHING_DELAY))
    await grow(later, writer_pool, tenant, 1)
    await later.heads.sign()
    assert [c.size for c in await shown(stack, sequencer_pool, tenant)] == [1, 2]
    rows = await sequencer_pool.fetch(CHECKPOINTS, tenant)
    assert len({parse_note(row["note"]).signatures[0].key_id for row in rows}) == 2


@pytest.mark.usefixtures("everybody_serves_again")
@pytest.mark.parametrize("server", ["openbao", "postgres"])
async def test_servers_may_go_away_and_it_heals_by_itself(
    stack: Stack,
    process: Callable[..., Process],
    sequencer_pool: PostgresPool,
    writer_pool: PostgresPool,
    tenant: str,
    server: str,
) -> None:
    mine = process()
    await grow(mine, writer_pool, tenant, 3)
    await mine.heads.sign()
    await grow(mine, writer_pool, tenant, 3)
    killed = asyncio.create_task(stack.servers.kill(server))

    async def go_on() -> None:
        while True:
            await mine.heads.sign()
            await grow(mine, writer_pool, tenant, 1)

    with pytest.raises(Refusal) as refused:
        await go_on()
    assert refused.value.kind in (Kind.VAULT_UNAVAILABLE, Kind.STORE_UNAVAILABLE)
    await killed
    await stack.servers.until_ready(server)

    async def heals() -> bool:
        try:
            await grow(mine, writer_pool, tenant, 1)
            await mine.heads.sign()
        except Refusal:
            return False
        return True

    await eventually(heals)
    size = await sequencer_pool.fetchrow("SELECT size FROM assay.log_head WHERE tenant = $1", tenant)
    assert (await shown(stack, sequencer_pool, tenant))[-1].size == size["size"]
