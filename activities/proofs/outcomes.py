"""Requirements on the end of a run: each value that is recorded must be proven, and so must the reason for a denial."""

from dataclasses import replace
from typing import Final

from activities.contracts import problems
from activities.contracts.problems import stated_fault
from activities.contracts.stages import CloseInput, Problem, unverified_run
from activities.proofs.claims import Claims, InvalidProof
from activities.proofs.digests import digest
from activities.proofs.rules import (
    ADMITTED,
    FAILED,
    PROBLEM,
    RESERVED,
    Cleaning,
    MaskedValues,
    problem_fact,
    require_fact,
    require_lost,
    require_original,
)
from assay_temporal.contracts import WITHDRAWAL_REASONS
from domain.inference.runs import Status, status_for
from domain.refusals import Kind
from domain.screening.verdicts import Decision

UNPROVEN_FAULTS: Final = frozenset(
    {
        Kind.RUN_CANCELLED,
        Kind.INTERNAL,
        Kind.PROVIDER_TIMEOUT,
        Kind.SCREENING_UNAVAILABLE,
        Kind.STORE_UNAVAILABLE,
        Kind.VAULT_UNAVAILABLE,
        Kind.UNPROVEN_STAGE,
    }
)
"""Kinds that need no proof: whoever can write to the namespace can end a run so, or make a stage time out."""

_LONGEST_DELAY: Final = 86_400 * 366.0
_NOTHING_CLEANED: Final = Cleaning((), None, None)


def require_bare(end: CloseInput) -> None:
    """Check that an end without proof states a failure or a cancellation alone.

    Raises:
        InvalidProof: it says more.
    """
    said = CloseInput(
        run=unverified_run(end.run.workflow_id, end.run.run_id, end.run.started_ms),
        status=end.status,
        problem=end.problem,
    )
    if end != said or end.status not in (Status.FAILED.value, Status.CANCELLED.value):
        raise InvalidProof("nothing of it is proven")
    _require_status(end)
    if _kind(end) not in UNPROVEN_FAULTS or end.problem not in _stated(end):
        raise InvalidProof("its reason is not proven")


def require_outcome(end: CloseInput, claims: Claims) -> None:
    """Check that every value of a run's end is proven, and its status as well.

    Raises:
        InvalidProof: one is not.
    """
    require_fact(claims, "run", end.run)
    _require_status(end)
    _require_request(end, claims)
    for name, value in (("submitter", end.submitter), ("verdict", end.verdict), ("output", end.output_verdict)):
        if value is not None:
            require_fact(claims, name, value)
    cleaning = Cleaning(end.removed, end.masked, end.redacted)
    if cleaning != _NOTHING_CLEANED:
        require_fact(claims, "cleaning", cleaning)
    if end.values:
        require_fact(claims, "values", MaskedValues(end.values))
    if end.reply is not None:
        require_fact(claims, "reply", replace(end.reply, proof=None))
    _require_usage(end, claims)
    require_lost(end.lost, claims)
    _require_reason(end, claims)


def _require_status(end: CloseInput) -> None:
    if end.status != status_for(_kind(end)).value:
        raise InvalidProof("the status is not the reason's")


def _kind(end: CloseInput) -> Kind | None:
    if end.problem is None:
        return None
    try:
        return Kind(end.problem.kind)
    except ValueError:
        raise InvalidProof("the reason is of no known kind") from None


def _require_request(end: CloseInput, claims: Claims) -> None:
    if end.original is not None:
        require_original(end.run, end.original)
    if end.request is not None:
        name = "clean" if end.request.messages else "header"
        require_fact(claims, name, end.request)


def _require_usage(end: CloseInput, claims: Claims) -> None:
    """Check the charge: the reply's, or for a call without one an estimate within the reservation."""
    if end.usage is None or claims.facts.get("usage") == digest(end.usage):
        return
    if min(end.usage.prompt_tokens, end.usage.completion_tokens) < 0:
        raise InvalidProof("the usage is negative")
    reserved = int(claims.facts.get(RESERVED, "0"))
    if not end.usage.estimated or ADMITTED not in claims.facts or end.usage.total > reserved:
        raise InvalidProof("the usage is not proven")


def _require_reason(end: CloseInput, claims: Claims) -> None:
    kind, facts = _kind(end), claims.facts
    if kind is None:
        allowed = end.output_verdict is not None and end.output_verdict.decision is Decision.ALLOW
        if not allowed or end.reply is None:
            raise InvalidProof("the answer was not allowed")
        return
    stated = end.problem is not None and facts.get(PROBLEM) == digest(problem_fact(end.problem))
    told = replace(end.problem, field=None, retry_after=None) if end.problem is not None else None
    proven = told in _stated(end) or (facts.get(FAILED) == kind.value and told == stated_fault(kind))
    if not (stated or (proven and _is_delay(end.problem))):
        raise InvalidProof("the reason is not proven")


def _stated(end: CloseInput) -> list[Problem]:
    """Return the problems that an end may state: those of its verdicts, and those that need no proof."""
    found = [stated_fault(kind) for kind in UNPROVEN_FAULTS if kind is not Kind.RUN_CANCELLED]
    found += [problems.cancelled(), *(problems.withdrawn(reason) for reason in WITHDRAWAL_REASONS)]
    prompt, output = end.verdict, end.output_verdict
    if prompt is not None and prompt.decision is Decision.BLOCK:
        found.append(problems.prompt_blocked(prompt))
    if prompt is not None and prompt.decision is Decision.REVIEW:
        found.append(problems.prompt_held(prompt))
    if output is not None and output.decision is Decision.BLOCK:
        found.append(problems.output_blocked(output))
    if output is not None and output.decision is Decision.REVIEW:
        found.append(problems.output_held(output))
    return found


def _is_delay(problem: Problem | None) -> bool:
    return problem is None or problem.retry_after is None or 0 <= problem.retry_after <= _LONGEST_DELAY
