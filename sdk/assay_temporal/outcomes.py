"""Mapping of a run's failure to an error, for workflows and clients alike."""

from temporalio.converter import value_to_type
from temporalio.exceptions import ApplicationError, CancelledError, TerminatedError, TimeoutError  # noqa: A004 - theirs

from assay_temporal.contracts import InferenceResult
from assay_temporal.errors import Faulted


def faulted(run_id: str | None, cause: BaseException | None) -> Faulted:
    """Return the fault of a failed run."""
    match cause:
        case CancelledError():
            return Faulted("run-cancelled", run_id=run_id)
        case TerminatedError() | TimeoutError():
            return Faulted("run-terminated", run_id=run_id)
        case ApplicationError(type=str(kind)) if run_id is not None:
            return Faulted(kind, run_id=run_id, result=_result(cause))
        case _:
            return Faulted("internal", run_id=run_id)


def _result(cause: ApplicationError) -> InferenceResult | None:
    details = cause.details
    if not details or not isinstance(details[0], dict):
        return None
    try:
        result: InferenceResult = value_to_type(InferenceResult, details[0])
    except (KeyError, TypeError, ValueError):
        return None
    return result
