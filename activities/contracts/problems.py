"""Problems that a workflow states itself: of verdicts, of faults, of its own end. One function for all who compare."""

from types import MappingProxyType
from typing import Final

from activities.contracts.stages import Problem
from domain.refusals import Kind
from domain.screening.verdicts import MatchedSpan, Verdict

_MOST_PLACES = 20
_WHAT_TO_DO = "Rephrase it, or give your operator this run's ID: rules, thresholds and exceptions are in the policy"
FAULTS: Final = MappingProxyType(
    {
        Kind.CONTEXT_EXCEEDED: "the messages and the requested answer are longer than the model's context",
        Kind.UNSUPPORTED_CONTENT: "the format of the model's provider can't represent a part of the request",
        Kind.PROVIDER_UNAVAILABLE: "the model's provider can't be reached",
        Kind.PROVIDER_TIMEOUT: "the model's provider did not answer in time",
        Kind.PROVIDER_RATE_LIMITED: "the model's provider has no capacity at present",
        Kind.PROVIDER_REJECTED: "the model's provider rejected the call",
        Kind.PROVIDER_GARBLED: "the model's provider returned an unusable answer",
        Kind.NOT_ADMITTED: "the run holds no reservation for a call of a model, or had as many calls as it may",
        Kind.PROVIDER_FILTERED: "the content filter of the model's provider refused the request or its answer",
        Kind.UNREQUESTED_TOOL_CALL: "the model called a tool, and the request offers none",
        Kind.UNPROVEN_STAGE: "a result of a stage was not made by a worker of this service",
        Kind.SCREENING_UNAVAILABLE: "the screening could not run, so the request was refused",
    }
)
"""Details of faults by kind; the others are internal errors."""


def cancelled() -> Problem:
    """Return the problem of a run cancelled through Temporal or the API."""
    return Problem(Kind.RUN_CANCELLED.value, "the run was cancelled")


def withdrawn(reason: str) -> Problem:
    """Return the problem of a run ended by the update ``withdraw``."""
    return Problem(Kind.RUN_CANCELLED.value, f"the run was withdrawn: {reason}")


def unproven() -> Problem:
    """Return the problem of a run with a result that no worker has made."""
    return Problem(Kind.UNPROVEN_STAGE.value, FAULTS[Kind.UNPROVEN_STAGE])


def prompt_blocked(verdict: Verdict) -> Problem:
    """Return the problem of a prompt blocked by the screening."""
    detail = f"blocked by screening; 'findings' has rules and positions. {_WHAT_TO_DO}"
    return Problem(Kind.PROMPT_BLOCKED.value, detail, rules=verdict.rules, places=_places(verdict))


def output_blocked(verdict: Verdict) -> Problem:
    """Return the problem of an answer blocked by the screening."""
    return Problem(Kind.OUTPUT_BLOCKED.value, "the answer was blocked by screening", rules=verdict.rules)


def prompt_held(verdict: Verdict) -> Problem:
    """Return the problem of a prompt that requires review while reviews are not enabled."""
    detail = f"requires human review, which is not enabled; 'findings' has rules and positions. {_WHAT_TO_DO}"
    return Problem(Kind.REVIEW_UNAVAILABLE.value, detail, rules=verdict.rules, places=_places(verdict))


def output_held(verdict: Verdict) -> Problem:
    """Return the problem of an answer that requires review while reviews are not enabled."""
    detail = "the answer requires human review, which is not enabled"
    return Problem(Kind.REVIEW_UNAVAILABLE.value, detail, rules=verdict.rules)


def _places(verdict: Verdict) -> tuple[MatchedSpan, ...]:
    return verdict.places[:_MOST_PLACES]


def stated_fault(kind: Kind) -> Problem:
    """Return the problem of a failed stage, by its kind."""
    return Problem(kind.value, FAULTS.get(kind, "internal error"))
