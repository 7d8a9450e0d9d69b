"""Charges and records of paid attempts, with or without an answer, and fallbacks."""

from typing import Any

import pytest
from temporalio import activity
from temporalio.client import WorkflowFailureError

from activities.contracts.call_failures import CallFailure
from domain.inference.lost_attempts import LostAttempts
from domain.inference.models import ProviderFailure, Usage
from domain.records.records import EventKind, Record
from domain.refusals import Kind
from tests.workflows.conftest import Bench

BODY = {"model": "fake", "prompt": "Hello"}
WITH_FALLBACK = {"model": "fake-with-fallback", "prompt": "Hello"}


def lost(kind: Kind, *, retryable: bool = True, usage: Usage | None = None) -> ProviderFailure:
    return ProviderFailure(kind, retryable=retryable, lost=True, usage=usage)


def garbled(usage: Usage | None = None) -> ProviderFailure:
    return lost(Kind.PROVIDER_GARBLED, usage=usage)


async def ended(bench: Bench, body: dict[str, Any], kind: Kind) -> tuple[Record, int]:
    """The outcome's record of a run that fails so, and the tokens charged for it."""
    handle = await bench.start(body)
    with pytest.raises(WorkflowFailureError) as caught:
        await handle.result()
    assert caught.value.cause.type == kind.value
    return await settled(bench, handle.id)


async def settled(bench: Bench, run_id: str) -> tuple[Record, int]:
    admitted, outcome = bench.records(run_id)
    assert admitted.kind is EventKind.ADMITTED
    quota = await bench.ledger.quota("acme", outcome.fields.caller, 1000)
    assert quota.reserved == 0
    return outcome, quota.used


def reserved(bench: Bench, outcome: Record) -> int:
    return bench.records(outcome.workflow_id)[0].fields.reserved_tokens


async def test_garbage_is_asked_again_once_and_both_are_charged(bench: Bench) -> None:
    bench.model.script = [garbled(Usage(12, 5)), garbled(Usage(12, 6)), "never asked for"]
    outcome, used = await ended(bench, BODY, Kind.PROVIDER_GARBLED)
    assert len(bench.model.calls) == 2
    assert (used, outcome.fields.attempts_lost, outcome.fields.attempts_lost_tokens) == (35, 2, 35)
    assert outcome.fields.prompt_tokens is None


async def test_garbage_without_a_report_costs_at_most_what_was_reserved(bench: Bench) -> None:
    bench.model.script = [garbled(), "fine"]
    result = await bench.run(BODY)
    outcome, used = await settled(bench, result.id)
    bound = reserved(bench, outcome)
    assert (result.usage.total_tokens, used) == (12, 12 + bound)
    assert (outcome.fields.attempts_lost, outcome.fields.attempts_lost_tokens) == (1, bound)


async def test_a_page_instead_of_an_answer_costs_nothing_and_is_counted(bench: Bench) -> None:
    bench.model.script = [garbled(Usage(0, 0))] * 2
    outcome, used = await ended(bench, BODY, Kind.PROVIDER_GARBLED)
    assert (len(bench.model.calls), used) == (2, 0)
    assert (outcome.fields.attempts_lost, outcome.fields.attempts_lost_tokens) == (2, 0)


async def test_a_connection_that_breaks_twice_is_not_tried_a_third_time(bench: Bench) -> None:
    free = ProviderFailure(Kind.PROVIDER_UNAVAILABLE, retryable=True)
    broken = lost(Kind.PROVIDER_UNAVAILABLE)
    bench.model.script = [free, broken, broken, "never asked for"]
    outcome, used = await ended(bench, BODY, Kind.PROVIDER_UNAVAILABLE)
    assert (len(bench.model.calls), outcome.fields.attempts_lost, used) == (3, 2, 2 * reserved(bench, outcome))


async def test_free_failures_stay_free_however_long_they_took(bench: Bench) -> None:
    async def slow() -> None:
        activity.heartbeat(CallFailure(lost=LostAttempts().one_more()))  # as it does after a second
        raise ProviderFailure(Kind.PROVIDER_UNAVAILABLE, retryable=True)

    bench.model.script = [slow, "fine"]
    result = await bench.run(BODY)
    outcome, used = await settled(bench, result.id)
    assert (used, outcome.fields.attempts_lost) == (12, None)


async def test_a_call_without_an_answer_in_time_is_charged_and_the_fallback_asked(bench: Bench) -> None:
    bench.model.script = [lost(Kind.PROVIDER_TIMEOUT, retryable=False), "from the second"]
    result = await bench.run(WITH_FALLBACK)
    outcome, used = await settled(bench, result.id)
    assert (result.result.model, len(bench.model.calls)) == ("fake", 2)
    assert (outcome.fields.attempts_lost, used) == (1, 12 + reserved(bench, outcome))


async def test_losses_of_all_models_add_up(bench: Bench) -> None:
    bench.model.script = [*[garbled(Usage(12, 5))] * 2, *[garbled(Usage(20, 1))] * 2]
    outcome, used = await ended(bench, WITH_FALLBACK, Kind.PROVIDER_GARBLED)
    assert (len(bench.model.calls), used, outcome.fields.attempts_lost) == (4, 76, 4)


async def test_a_refusal_of_the_providers_filter_is_one_and_paid(bench: Bench) -> None:
    bench.model.script = [ProviderFailure(Kind.PROVIDER_FILTERED, retryable=False, usage=Usage(12, 5)), "never"]
    result = await bench.run(WITH_FALLBACK)
    outcome, used = await settled(bench, result.id)
    assert (result.status, result.problem.kind, result.usage.total_tokens) == ("refused", "provider-filtered", 17)
    assert (outcome.kind, outcome.fields.refusal) == (EventKind.REFUSED, "provider-filtered")
    assert (len(bench.model.calls), used, outcome.fields.attempts_lost) == (1, 17, None)


async def test_an_unrequested_tool_call_is_told_and_paid(bench: Bench) -> None:
    bench.model.script = [ProviderFailure(Kind.UNREQUESTED_TOOL_CALL, retryable=False, usage=Usage(12, 5))]
    outcome, used = await ended(bench, BODY, Kind.UNREQUESTED_TOOL_CALL)
    assert (outcome.fields.completion_tokens, used) == (5, 17)


@pytest.mark.parametrize("another", [True, False])
async def test_another_model_is_asked_after_a_rejection_that_is_this_providers_own(bench: Bench, another: bool) -> None:
    bench.model.script = [ProviderFailure(Kind.PROVIDER_REJECTED, retryable=False, another=another), "from the second"]
    if another:
        result = await bench.run(WITH_FALLBACK)
        outcome, used = await settled(bench, result.id)
        assert (result.result.model, used, outcome.fields.attempts_lost) == ("fake", 12, None)
    else:
        outcome, used = await ended(bench, WITH_FALLBACK, Kind.PROVIDER_REJECTED)
        assert (len(bench.model.calls), used) == (1, 0)


async def test_a_claim_beyond_what_was_asked_is_recorded(bench: Bench) -> None:
    bench.model.script = []
    bench.model.usage = Usage(7, 5, estimated=True, claimed_tokens=2**32)
    result = await bench.run(BODY)
    outcome, used = await settled(bench, result.id)
    assert (used, outcome.fields.usage_claimed, outcome.fields.usage_estimated) == (12, 2**32, True)
