"""Repeats of requests in PostgreSQL: each sign of one, what is no repeat, and what is forgotten."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
import pytest

from adapters.postgres.pool import PostgresPool
from adapters.postgres.requests.rates import PostgresRates
from adapters.postgres.requests.submissions import PostgresSubmissions
from domain.budgets.values import Rate
from domain.inference.submissions import AskedRun, Ending, TaggedRun
from tests.adapters.stack import Stack

A, B = b"a" * 32, b"b" * 32


@dataclass
class Desk:
    """One caller's equal requests, and an owner's connection to make rows older."""

    store: PostgresSubmissions
    rates: PostgresRates
    owner: asyncpg.Connection
    digest: bytes
    caller: str

    async def ask(
        self, retries: int = 0, *, streamed: bool = False, session: bytes | None = None, digest: bytes | None = None
    ) -> TaggedRun:
        run, connection = secrets.token_hex(8), secrets.token_hex(8)
        return await self.store.begin(
            AskedRun("acme", self.caller, digest or self.digest, run, connection, streamed, retries, session)
        )

    async def older(self, seconds: float) -> None:
        sql = "UPDATE assay.submission SET seen_at = seen_at - $2, kept_until = kept_until - $2 WHERE digest = $1"
        await self.owner.execute(sql.replace("$2", f"interval '{seconds} seconds'"), self.digest)

    async def rows(self) -> int:
        return int(await self.owner.fetchval("SELECT count(*) FROM assay.submission WHERE digest = $1", self.digest))


@pytest.fixture
async def desk(stack: Stack, api_pool: PostgresPool) -> AsyncIterator[Desk]:
    owner = await stack.superuser()
    caller = secrets.token_hex(16)
    yield Desk(PostgresSubmissions(api_pool), PostgresRates(api_pool), owner, secrets.token_bytes(32), caller)
    await owner.close()


async def test_equal_requests_side_by_side_are_runs_of_their_own_and_so_are_their_repeats(desk: Desk):
    first, second = await asyncio.gather(desk.ask(), desk.ask())
    assert (first.joined, second.joined) == (False, False)
    repeats = await asyncio.gather(desk.ask(1), desk.ask(1))
    assert {found.tag for found in repeats} == {first.tag, second.tag}
    assert all(found.joined for found in repeats)
    assert not (await desk.ask(1)).joined, "each was repeated once"


@pytest.mark.parametrize("ending", [None, Ending.CUT, Ending.ANSWERED, Ending.REFUSED, Ending.FAILED])
async def test_a_request_that_the_client_counts_as_a_repeat_joins(desk: Desk, ending: Ending | None):
    first = await desk.ask()
    await desk.store.note(first, ending)
    again = await desk.ask(1)
    assert (again.tag, again.joined) == (first.tag, True)
    assert again.fresh_failure == (ending is Ending.FAILED)


@pytest.mark.parametrize(
    ("ending", "joins"),
    [(None, False), (Ending.CUT, True), (Ending.ANSWERED, False), (Ending.REFUSED, True), (Ending.FAILED, False)],
)
async def test_without_a_count_a_request_joins_what_was_cut_or_refused(desk: Desk, ending: Ending | None, joins: bool):
    first = await desk.ask()
    await desk.store.note(first, ending)
    assert ((await desk.ask()).tag == first.tag) == joins


async def test_a_connection_without_a_sign_of_life_has_ended(desk: Desk):
    first = await desk.ask()
    await desk.older(14)
    assert not (await desk.ask(digest=None)).joined
    await desk.older(2)
    await desk.store.note(first, None)
    assert (await desk.ask()).tag != first.tag, "it gave a sign of life"
    await desk.older(16)
    found = {(await desk.ask()).tag for _ in range(3)}
    assert first.tag in found
    assert len(found) == 3, "each was joined once"


@pytest.mark.parametrize("ending", [None, Ending.ANSWERED, Ending.FAILED])
async def test_a_session_joins_its_own_run_and_no_other_sessions(desk: Desk, ending: Ending | None):
    first = await desk.ask(session=A)
    await desk.store.note(first, ending)
    assert (await desk.ask(session=A)).tag == first.tag
    assert not (await desk.ask(session=B)).joined
    cut = await desk.ask(session=B)
    await desk.store.note(cut, Ending.CUT)
    assert not (await desk.ask(1, session=secrets.token_bytes(32))).joined


async def test_a_whole_answer_in_place_of_a_stream_joins_and_the_opposite_does_not(desk: Desk):
    stream = await desk.ask(streamed=True)
    await desk.store.note(stream, Ending.ANSWERED)
    whole = await desk.ask()
    assert whole.tag == stream.tag
    await desk.store.note(whole, Ending.ANSWERED)
    assert not (await desk.ask(streamed=True)).joined


@pytest.mark.parametrize("bucket", ["", "/key-1"])
async def test_a_repeat_of_a_request_that_was_refused_for_its_rate_has_no_run_to_join(desk: Desk, bucket: str):
    sample, other = await desk.ask(), await desk.ask()
    await desk.store.note(sample, Ending.ANSWERED)
    rate = Rate(1, 60)
    assert [(await desk.rates.take("acme", desk.caller + bucket, rate)).allowed for _ in range(2)] == [True, False]
    assert not (await desk.ask(1)).joined
    await desk.store.note(other, Ending.CUT)
    assert (await desk.ask(1)).tag == other.tag
    await desk.owner.execute(
        "UPDATE assay.rate_bucket SET refused_at = refused_at - interval '3 minutes' WHERE caller = $1",
        desk.caller + bucket,
    )
    assert (await desk.ask(1)).tag == sample.tag


async def test_a_run_that_was_withdrawn_is_forgotten_and_so_is_what_is_old(desk: Desk):
    first = await desk.ask()
    await desk.store.note(first, Ending.WITHDRAWN)
    assert await desk.rows() == 0
    refused = await desk.ask()
    await desk.store.note(refused, Ending.REFUSED)
    await desk.older(59)
    assert (await desk.ask()).tag == refused.tag
    await desk.store.note(await desk.ask(), Ending.CUT)
    await desk.older(601)
    assert not (await desk.ask(1)).joined
    await asyncio.gather(*(desk.ask(digest=secrets.token_bytes(32)) for _ in range(3)))
    assert await desk.rows() == 1, "rows of other digests go as well"


async def test_only_the_newest_connection_ends_a_request(desk: Desk):
    first = await desk.ask()
    again = await desk.ask(1)
    await desk.store.note(first, Ending.ANSWERED)
    await desk.store.note(again, Ending.CUT)
    assert (await desk.ask()).tag == first.tag


async def test_a_failure_may_be_attempted_again_after_some_seconds(desk: Desk):
    first = await desk.ask()
    await desk.store.note(first, Ending.FAILED)
    await desk.older(6)
    again = await desk.ask(1)
    assert (again.tag, again.fresh_failure) == (first.tag, False)
