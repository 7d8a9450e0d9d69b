"""Runs with prompts too large for a history, also during an outage of the payload store."""

import secrets
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.service import RPCError, RPCStatusCode

from adapters.postgres.errors import unavailable
from adapters.temporal.runs import TemporalRuns
from adapters.tokens.signatures import LocalSignatureChecks
from api.inference.result_proofs import ResultProofs
from api.inference.runs import Runs, Submission
from api.inference.signed_starts import SignedStarts
from domain.access.principals import Role
from domain.inference.run_lengths import RUN_TOTAL
from domain.records.records import EventKind
from domain.refusals import Kind, Refusal
from services.access import role_access
from services.plaintext_access import PlaintextAccess
from services.runs.attempts import RunAttempts
from services.runs.local_feed import LocalRunFeed
from tests.doubles.clock import FixedClock
from tests.doubles.keys import LocalSigner
from tests.doubles.principals import principal as a_principal
from tests.doubles.retention import CountedRows
from tests.workflows.conftest import EXTERNAL_BYTES, QUEUE, Bench
from worker.housekeeping import Housekeeping
from workflows.timing import MODEL_STORE_PAUSES

PROMPT = "a canary sings " * 1900 + "."
LARGE = {"model": "fake", "prompt": PROMPT}
Change = Callable[..., Awaitable[Any]]


def failing(of: Change, times: int) -> Change:
    """``of``, which finds its store away so many times."""
    left = iter(range(times))

    async def call(*arguments: Any) -> Any:
        if next(left, None) is not None:
            raise unavailable()
        return await of(*arguments)

    return call


@pytest.fixture(autouse=True)
def mended(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The store is shared by all tests: what one of them breaks is whole for the next."""
    bench.payloads.stored.clear()
    return monkeypatch


async def test_a_history_holds_references_and_the_store_ciphertext(bench: Bench):
    assert len(PROMPT) > EXTERNAL_BYTES
    handle = await bench.start(LARGE)
    result = await handle.result()
    assert result.status == "completed"
    assert bench.model.calls[0].request.messages[0].content == PROMPT
    history = await handle.fetch_history()
    assert sum(event.ByteSize() for event in history.events) < EXTERNAL_BYTES
    assert len(bench.payloads.stored) == 2  # the start, and what the model is given
    for _, workflow_id, content in bench.payloads.stored.values():
        assert workflow_id == handle.id
        assert b"canary" not in content


@pytest.mark.parametrize(("call", "times"), [("put", 2), ("get", 1)])
async def test_a_workflow_waits_for_the_store_of_payloads(
    bench: Bench, mended: pytest.MonkeyPatch, call: str, times: int
):
    original = getattr(bench.payloads, call)
    outage = failing(original, times)
    seen: list[int] = []

    async def after_the_start(*arguments: Any) -> Any:
        seen.append(1)
        return await (original if call == "put" and len(seen) == 1 else outage)(*arguments)

    mended.setattr(bench.payloads, call, after_the_start)
    result = await bench.run(LARGE)
    assert result.status == "completed"
    assert [record.kind for record in bench.records(result.id)] == [EventKind.ADMITTED, EventKind.COMPLETED]
    assert len(bench.model.calls) == 1
    assert len(seen) > 2


async def test_an_activity_that_can_not_read_its_input_says_why(bench: Bench, mended: pytest.MonkeyPatch):
    """The model's activity is retried, and repeated for an hour; then the run fails by the right name, refunded."""
    asked: list[bytes] = []

    async def get(digest: bytes, of: Change = bench.payloads.get) -> Any:
        asked.append(digest)
        if len(asked) > 1:  # the workflow has read its start: now it is the activity's turn
            raise unavailable()
        return await of(digest)

    mended.setattr(bench.payloads, "get", get)
    handle = await bench.start(LARGE)
    with pytest.raises(WorkflowFailureError) as caught:
        await handle.result()
    assert caught.value.cause.type == "store-unavailable"
    assert bench.model.calls == []
    assert len(asked) == 1 + 4 * (1 + len(MODEL_STORE_PAUSES))
    assert len(set(asked)) == 2 + len(MODEL_STORE_PAUSES)
    _, failed = bench.records(handle.id)
    assert (failed.kind, failed.fields.refusal) == (EventKind.FAILED, "store-unavailable")
    assert (await bench.ledger.quota("acme", failed.fields.caller, 1000)).reserved == 0


@pytest.mark.parametrize("damage", ["lost", "swapped"])
async def test_a_start_whose_payload_is_not_what_was_stored_is_refused_by_name(bench: Bench, damage: str):
    await bench.worker.shutdown()
    handle = await bench.start(LARGE)
    [(digest, (at, owner, content))] = bench.payloads.stored.items()
    if damage == "lost":
        del bench.payloads.stored[digest]
    else:
        bench.payloads.stored[digest] = (at, owner, content[:-1] + bytes([content[-1] ^ 1]))
    async with bench.another_worker():
        result = await handle.result()
    assert (result.status, result.problem.kind) == ("refused", "invalid-context")


def runs(bench: Bench) -> Runs:
    return Runs(
        bench.env.client,
        QUEUE,
        bench.keyring,
        bench.identity,
        FixedClock(),
        lambda: secrets.token_hex(8),
        lambda: None,
        LocalRunFeed(),
        role_access(),
        PlaintextAccess(bench.ledger, FixedClock()),
        lambda: None,
        RunAttempts(bench.ledger),
        ResultProofs(bench.keyring, bench.env.client.namespace, LocalSigner(), LocalSignatureChecks()),
        SignedStarts(TemporalRuns(bench.env.client), bench.keyring, bench.identity),
    )


async def test_the_api_refuses_a_large_request_while_the_store_is_away(bench: Bench, mended: pytest.MonkeyPatch):
    principal = a_principal("acme", "alice", "app", frozenset({Role.AI_OPERATOR}), "c" * 32)
    submission = Submission(principal, LARGE, "fake", bench.policy, None)
    mended.setattr(bench.payloads, "outage", unavailable())
    with pytest.raises(Refusal) as refused:
        await runs(bench).start(submission)
    assert refused.value.kind is Kind.STORE_UNAVAILABLE
    assert refused.value.retry_after
    mended.setattr(bench.payloads, "outage", None)
    assert await runs(bench).start(submission)


async def test_payloads_go_when_temporal_has_forgotten_their_run(bench: Bench):
    result = await bench.run(LARGE)
    gone = "inf.acme." + "z" * 32
    await bench.payloads.put("acme", gone, b"of a run that is no more")
    for digest, (at, owner, content) in bench.payloads.stored.items():
        bench.payloads.stored[digest] = (at - timedelta(days=90), owner, content)
    young = await bench.payloads.put("acme", gone, b"of a run that is about to start")
    housekeeping = Housekeeping(bench.env.client, bench.payloads, CountedRows())
    assert await housekeeping.purge() == 1
    owners = [owner for _, owner, _ in bench.payloads.stored.values()]
    assert owners.count(result.id) == 2
    assert young in bench.payloads.stored
    assert await housekeeping.purge() == 0


async def test_nothing_is_removed_while_temporal_does_not_answer(bench: Bench, mended: pytest.MonkeyPatch):
    await bench.payloads.put("acme", "inf.acme." + "z" * 32, b"of a run that is no more")
    for digest, (at, owner, content) in bench.payloads.stored.items():
        bench.payloads.stored[digest] = (at - timedelta(days=90), owner, content)

    async def away(*_: Any, **__: Any) -> Any:
        raise RPCError("away", RPCStatusCode.UNAVAILABLE, b"")

    housekeeping = Housekeeping(bench.env.client, bench.payloads, CountedRows())
    mended.setattr(housekeeping, "_known", away)
    with pytest.raises(RPCError):
        await housekeeping.purge()
    assert len(bench.payloads.stored) == 1


async def test_budgets_are_pruned_batch_after_batch_once_no_run_can_need_them(bench: Bench):
    budgets = CountedRows({"reservation": 25, "quota_account": 10, "rate_bucket": 1, "first_run": 11}, batch=10)
    assert await Housekeeping(bench.env.client, bench.payloads, budgets).prune() == 47
    assert set(budgets.rows.values()) == {0}
    age, ids = sorted(budgets.ages)
    assert age > RUN_TOTAL
    assert ids >= timedelta(days=40)


async def test_full_rate_buckets_go_while_temporal_does_not_answer(bench: Bench, mended: pytest.MonkeyPatch):
    async def away(*_: Any, **__: Any) -> Any:
        raise RPCError("away", RPCStatusCode.UNAVAILABLE, b"")

    budgets = CountedRows({"reservation": 1, "rate_bucket": 1})
    housekeeping = Housekeeping(bench.env.client, bench.payloads, budgets)
    mended.setattr(housekeeping, "_retention", away)
    with pytest.raises(RPCError):
        await housekeeping.prune()
    assert budgets.rows == {"reservation": 1, "rate_bucket": 0}
