"""The problems that a workflow names itself: what its guards decided, and what failed."""

from types import MappingProxyType

from activities.contracts import names
from activities.contracts.stages import Problem
from domain.refusals import Kind
from domain.screening.verdicts import MatchedSpan, Verdict
from workflows.inference.stages import StageFailed

_SCREENING = frozenset({names.SCREEN_PROMPT.name, names.SCREEN_OUTPUT.name})
_MOST_PLACES = 20
_WHAT_TO_DO = (
    "Write it in other words; or, where it has to be asked like this, give an operator this run's ID: rules, "
    "thresholds and exceptions are in the policy"
)
_FAULTS = MappingProxyType(
    {
        Kind.CONTEXT_EXCEEDED: "the messages and the answer that was asked for are longer than the model's context",
        Kind.PROVIDER_UNAVAILABLE: "the model's provider can't be reached",
        Kind.PROVIDER_TIMEOUT: "the model's provider did not answer in time",
        Kind.PROVIDER_RATE_LIMITED: "the model's provider has no capacity for us at present",
        Kind.PROVIDER_REJECTED: "the model's provider rejected the call",
        Kind.PROVIDER_GARBLED: "the model's provider gave an answer that makes no sense",
        Kind.SCREENING_UNAVAILABLE: "the screening could not run, so nothing may pass",
    }
)


def cancelled() -> Problem:
    """Temporal, or whoever may, asked for the run's end."""
    return Problem(Kind.RUN_CANCELLED.value, "the run was cancelled")


def withdrawn(reason: str) -> Problem:
    """The update ``withdraw`` asked for the run's end."""
    return Problem(Kind.RUN_CANCELLED.value, f"the run was withdrawn: {reason}")


def prompt_blocked(verdict: Verdict) -> Problem:
    """The screening of the prompt says no."""
    detail = f"the prompt was blocked by the screening, for what it holds where 'findings' says. {_WHAT_TO_DO}"
    return Problem(Kind.PROMPT_BLOCKED.value, detail, rules=verdict.rules, places=_places(verdict))


def output_blocked(verdict: Verdict) -> Problem:
    """The screening of the answer says no."""
    return Problem(Kind.OUTPUT_BLOCKED.value, "the answer was blocked by the screening", rules=verdict.rules)


def prompt_held(verdict: Verdict) -> Problem:
    """The screening of the prompt asks for a person, and there is none."""
    detail = f"the request needs a review, which can't be had here, for what 'findings' says. {_WHAT_TO_DO}"
    return Problem(Kind.REVIEW_UNAVAILABLE.value, detail, rules=verdict.rules, places=_places(verdict))


def output_held(verdict: Verdict) -> Problem:
    """The screening of the answer asks for a person, and there is none."""
    detail = "the answer needs a review, which can't be had here"
    return Problem(Kind.REVIEW_UNAVAILABLE.value, detail, rules=verdict.rules)


def _places(verdict: Verdict) -> tuple[MatchedSpan, ...]:
    return verdict.places[:_MOST_PLACES]


def fault(failed: StageFailed) -> Problem:
    """A stage could not do its work."""
    kind = failed.kind or (Kind.PROVIDER_TIMEOUT if failed.stage == names.INVOKE_MODEL.name else Kind.INTERNAL)
    if failed.stage in _SCREENING and kind is Kind.INTERNAL:
        kind = Kind.SCREENING_UNAVAILABLE
    field = "messages" if kind is Kind.CONTEXT_EXCEEDED else None
    return Problem(kind.value, _FAULTS.get(kind, "something of ours failed"), field)
