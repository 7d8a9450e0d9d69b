"""A stage runs on what those before it have proven: nothing in its argument can be replaced, left out or reordered."""

from dataclasses import fields, replace
from typing import Any

import pytest

from activities.contracts import problems
from activities.contracts.call_failures import CallFailure
from activities.contracts.problems import stated_fault
from activities.contracts.stages import Admission, Problem, SanitiseResult, Submitter, Validated
from activities.inference.ledger import charged
from activities.proofs.claims import Claims, InvalidProof
from activities.proofs.digests import as_recorded, digest
from activities.proofs.outcomes import UNPROVEN_FAULTS, require_bare, require_outcome
from activities.proofs.rules import FAILED, RULES, failed_call
from domain.budgets.values import BegunCalls
from domain.inference.content import Message, Speaker
from domain.inference.lost_attempts import LostAttempts
from domain.inference.models import Usage
from domain.inference.runs import status_for
from domain.refusals import Kind
from domain.screening.verdicts import Decision, RiskBand, Verdict
from tests.unit.proofs.chain import ALLOWED, BLOCKED, BODY, CLEAN, REPLY, REQUEST, RUN, SUBMITTER, ended, steps

STEPS = list(steps())
LAST = STEPS[-1].after
FORGED: dict[str, Any] = {
    "run": replace(RUN, caller="d" * 32),
    "submitter": Submitter("bob", "app", ("admin",)),
    "request": replace(REQUEST, messages=(Message(Speaker.USER, "something else"),)),
    "data": (("0" * 64, "aGk="),),
    "original": {**BODY, "prompt": "something else"},
    "verdict": Verdict(Decision.ALLOW, 0.0, RiskBand.LOW),
    "removed": (),
    "masked": {"email": 2},
    "redacted": None,
    "model": "expensive",
    "reply": replace(REPLY, content="forged"),
}
FREE = {"call_id", "proof", "lost"}
FORGERIES = [(step, member.name) for step in STEPS[1:] for member in fields(step.given) if member.name not in FREE]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.stage)
def test_a_stage_accepts_what_those_before_it_have_proven(step: Any):
    RULES[step.stage].require(as_recorded(step.given), step.before)


@pytest.mark.parametrize(("step", "name"), FORGERIES, ids=[f"{step.stage}-{name}" for step, name in FORGERIES])
def test_no_value_of_an_argument_can_be_replaced(step: Any, name: str):
    assert getattr(step.given, name) != FORGED[name]
    with pytest.raises(InvalidProof):
        RULES[step.stage].require(replace(step.given, **{name: FORGED[name]}), step.before)


@pytest.mark.parametrize("fact", sorted(LAST.facts))
def test_no_fact_can_be_left_out(fact: str):
    """The wrong variant: with the fact the stage, or the end of the run, is accepted."""
    refused = 0
    for step in STEPS[1:]:
        if fact in step.before.facts:
            try:
                RULES[step.stage].require(step.given, step.before.without(fact))
            except InvalidProof:
                refused += 1
    try:
        require_outcome(ended(), LAST.without(fact))
    except InvalidProof:
        refused += 1
    assert refused or fact in ("header", "lost", "reserved")  # these matter to other ends: see below


@pytest.mark.parametrize("late", range(1, len(STEPS)))
def test_a_stage_is_refused_on_the_proof_of_any_stage_but_the_one_before(late: int):
    step = STEPS[late]
    for earlier in STEPS[: late - 1]:
        with pytest.raises(InvalidProof):
            RULES[step.stage].require(step.given, earlier.after)


def test_a_prompt_that_was_not_allowed_is_not_admitted():
    admit = list(steps({"screen_prompt": BLOCKED}))[3]
    with pytest.raises(InvalidProof, match="does not allow"):
        RULES["admit_request"].require(admit.given, admit.before)


@pytest.mark.parametrize("stage", ["validate_request", "sanitise_prompt", "admit_request"])
def test_nothing_follows_a_refusal(stage: str):
    problem = Problem("quota-spent", "no")
    results = {
        "validate_request": replace(_validated(), problem=problem),
        "sanitise_prompt": SanitiseResult(problem=problem),
        "admit_request": Admission(problem=problem),
    }
    walked = list(steps({stage: results[stage]}))
    at = [step.stage for step in walked].index(stage)
    following = walked[at + 1]
    with pytest.raises(InvalidProof):
        RULES[following.stage].require(following.given, following.before)


def _validated() -> Validated:
    return Validated(RUN, SUBMITTER, replace(REQUEST, messages=()), ("other",))


def test_nothing_but_another_model_follows_a_failure():
    invoke, output = STEPS[4], STEPS[5]
    failed = invoke.before.plus({FAILED: "provider-unavailable"})
    RULES["invoke_model"].require(replace(invoke.given, model="other"), failed)
    with pytest.raises(InvalidProof):
        RULES["screen_output"].require(output.given, output.before.plus({FAILED: "provider-unavailable"}))


def test_an_answered_run_is_closed():
    require_outcome(as_recorded(ended()), LAST)


CHANGED: dict[str, Any] = {
    **{name: FORGED[name] for name in ("run", "submitter", "request", "original", "verdict", "masked", "reply")},
    "output_verdict": FORGED["verdict"],
    "removed": ("tags",),
    "redacted": {"key": 2},
    "values": (("email-1-abcd", "evil@b.example"),),
    "usage": Usage(7, 6),
    "lost": LostAttempts(1, 0, 101),
    "status": "blocked",
    "problem": Problem("prompt-blocked", "no"),
}


@pytest.mark.parametrize(
    "name", [member.name for member in fields(ended()) if member.name not in ("proof", "admitted")]
)
def test_no_value_of_an_end_can_be_replaced(name: str):
    with pytest.raises(InvalidProof):
        require_outcome(ended(**{name: CHANGED[name]}), LAST)


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind not in UNPROVEN_FAULTS])
def test_no_denial_is_recorded_without_its_reason(kind: Kind):
    """A failure of that type, reported in the worker's place, became a signed, false denial."""
    forged = ended(problem=Problem(kind.value, "no"), status=status_for(kind).value, output_verdict=None)
    with pytest.raises(InvalidProof, match="reason"):
        require_outcome(forged, LAST)
    failed = LAST.plus({FAILED: kind.value})  # a worker failed so
    require_outcome(replace(forged, problem=replace(stated_fault(kind), field="prompt", retry_after=3.0)), failed)
    for wrong in ({"detail": "read https://evil.example"}, {"rules": ("a",)}, {"retry_after": -1.0}):
        with pytest.raises(InvalidProof, match="reason"):
            require_outcome(replace(forged, problem=replace(stated_fault(kind), **wrong)), failed)


@pytest.mark.parametrize("missing", ["output_verdict", "reply"])
def test_no_answer_counts_without_a_verdict_that_allows_it(missing: str):
    with pytest.raises(InvalidProof):
        require_outcome(ended(**{missing: None}), LAST)
    blocked = list(steps({"screen_output": BLOCKED}))[-1].after
    with pytest.raises(InvalidProof):
        require_outcome(ended(output_verdict=BLOCKED), blocked)


def test_a_verdict_is_the_reason_for_its_denial():
    known = list(steps({"screen_prompt": BLOCKED}))[2].after
    denied = ended(
        status="blocked",
        problem=problems.prompt_blocked(BLOCKED),
        verdict=BLOCKED,
        output_verdict=None,
        reply=None,
        usage=None,
        admitted=False,
    )
    require_outcome(denied, known)
    with pytest.raises(InvalidProof, match="reason"):
        require_outcome(replace(denied, problem=replace(denied.problem, detail="call 555 0100")), known)
    with pytest.raises(InvalidProof):
        require_outcome(replace(denied, verdict=ALLOWED), list(steps())[2].after)


def test_a_refusal_of_a_stage_is_a_reason_under_the_callers_name_of_the_field():
    problem = Problem("invalid-request", "too long", "messages.0.content")
    known = next(iter(steps({"validate_request": replace(_validated(), problem=problem)}))).after
    told = ended(
        status="refused",
        problem=replace(problem, field="prompt"),
        request=None,
        verdict=None,
        output_verdict=None,
        reply=None,
        usage=None,
        values=(),
        removed=(),
        masked=None,
        redacted=None,
        admitted=False,
    )
    require_outcome(told, known)
    with pytest.raises(InvalidProof):
        require_outcome(replace(told, problem=replace(problem, detail="something else")), known)


def test_a_cancelled_call_is_charged_by_estimate_within_the_reservation():
    cancelled = ended(
        status="cancelled",
        problem=problems.cancelled(),
        reply=None,
        output_verdict=None,
        usage=Usage(100, 0, estimated=True),
    )
    admitted = STEPS[3].after
    require_outcome(cancelled, admitted)
    for wrong in (Usage(101, 0, estimated=True), Usage(100, 0), Usage(7, 5), Usage(-1000, 1000, estimated=True)):
        with pytest.raises(InvalidProof, match="usage"):
            require_outcome(replace(cancelled, usage=wrong), admitted)


def test_lost_attempts_are_those_that_workers_reported_and_some_of_workers_that_died():
    failed = STEPS[3].after
    failed = failed.plus(failed_call(failed, CallFailure(LostAttempts(2, 1, 30), Usage(1, 2))))
    failed = failed.plus({FAILED: "provider-garbled"})
    end = ended(
        status="failed", problem=stated_fault(Kind.PROVIDER_GARBLED), reply=None, output_verdict=None, usage=Usage(1, 2)
    )
    for lost in (LostAttempts(2, 0, 130), LostAttempts(3, 0, 230), LostAttempts(18, 0, 130)):
        require_outcome(replace(end, lost=lost), failed)
    for lost in (
        LostAttempts(-5, 0, 0),
        LostAttempts(1, 0, -56),
        LostAttempts(2, -1, 0),
        LostAttempts(2, 0, 131),
        LostAttempts(3, 0, 231),
        LostAttempts(19, 0, 130),
        LostAttempts(2, 3, 130),
    ):
        with pytest.raises(InvalidProof, match="lost"):
            require_outcome(replace(end, lost=lost), failed)


def test_a_charge_follows_the_calls_that_began():
    """A team had eight calls for nothing, or charged another caller for seven."""
    cancelled = ended(status="cancelled", problem=problems.cancelled(), reply=None, output_verdict=None, usage=None)
    prompt = Usage(100 - CLEAN.max_tokens, 0, estimated=True)
    assert charged(cancelled, BegunCalls(8, 100)).usage == prompt
    assert charged(cancelled, BegunCalls(0, 100)) == cancelled
    assert charged(replace(cancelled, usage=Usage(7, 5)), BegunCalls(1, 100)).usage == Usage(7, 5)
    failed = replace(cancelled, status="failed", problem=stated_fault(Kind.PROVIDER_UNAVAILABLE))
    assert charged(failed, BegunCalls(4, 100)) == failed
    lost = replace(failed, lost=LostAttempts(7, 0, 700))
    assert charged(lost, BegunCalls(2, 100)).lost == LostAttempts(2, 0, 200)
    assert charged(replace(lost, usage=prompt), BegunCalls(1, 100)).lost == LostAttempts(1, 0, 0)


BARE = ended(
    run=replace(RUN, tenant="system", caller="", policy="", request_hash=""),
    status="failed",
    problem=Problem("internal", "internal error"),
    **dict.fromkeys(("submitter", "request", "original", "verdict", "output_verdict", "reply", "usage")),
    removed=(),
    values=(),
    masked=None,
    redacted=None,
    admitted=False,
)


def test_a_run_of_which_nothing_is_proven_ends_as_a_fault():
    require_bare(BARE)
    require_bare(replace(BARE, status="cancelled", problem=problems.withdrawn("operator")))
    for detail in ("x", "the run was withdrawn: read https://evil.example"):
        with pytest.raises(InvalidProof):
            require_bare(replace(BARE, status="cancelled", problem=Problem("run-cancelled", detail)))


@pytest.mark.parametrize("name", [member.name for member in fields(BARE) if member.name != "proof"])
def test_a_bare_end_says_nothing_else(name: str):
    whole = ended(admitted=True, lost=LostAttempts(1, 0, 1), problem=Problem("prompt-blocked", "no"))
    with pytest.raises(InvalidProof):
        require_bare(replace(BARE, **{name: getattr(whole, name)}))


def test_a_value_and_its_copy_from_a_history_have_one_digest():
    as_made = replace(CLEAN, temperature=1)  # an integer, where the field is a float
    assert digest(as_recorded(as_made)) == digest(replace(CLEAN, temperature=1.0)) != digest(CLEAN)
    odd = replace(CLEAN, messages=(Message(Speaker.USER, "\ud800"),))
    assert digest(odd) == digest(as_recorded(odd)) != digest(CLEAN)
    assert digest(Claims("a")) != digest(Claims("b"))
