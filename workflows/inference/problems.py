"""Problem of a failed stage. Those of verdicts are in ``activities.contracts.problems``."""

from dataclasses import replace

from activities.contracts import names
from activities.contracts.problems import stated_fault
from activities.contracts.stages import Problem
from domain.refusals import Kind
from workflows.inference.stages import StageFailed

_SCREENING = frozenset({names.SCREEN_PROMPT.name, names.SCREEN_OUTPUT.name})


def fault(failed: StageFailed) -> Problem:
    """Return the problem of a failed stage."""
    kind = failed.kind or (Kind.PROVIDER_TIMEOUT if failed.stage == names.INVOKE_MODEL.name else Kind.INTERNAL)
    if failed.stage in _SCREENING and kind is Kind.INTERNAL:
        kind = Kind.SCREENING_UNAVAILABLE
    field = "messages" if kind is Kind.CONTEXT_EXCEEDED else None
    return replace(stated_fault(kind), field=field, retry_after=failed.call.retry_after)
