"""Members of every client's format for its run: the member ``assay``, headers, its start."""

from typing import Any, Final

from fastapi.responses import JSONResponse

from api.inference.run_views import RunView
from api.wires.errors import (
    ClientWire,
    ErrorContent,
    RunOfError,
    error_content,
    error_response,
    unfinished_content,
    unfinished_response,
)
from domain.refusals import Refusal

_MS_SHIFT: Final = 80


def assay_member(view: RunView) -> dict[str, Any]:
    """Return the body of the run without its answer, which is beside it."""
    return {name: value for name, value in view.body().items() if name not in ("result", "usage")}


def created(view: RunView) -> int:
    """Return the run's start in epoch seconds, 0 without an event. From its event's UUIDv7 (RFC 9562)."""
    event = view.event
    return 0 if event is None else (event.int >> _MS_SHIFT) // 1000


def run_headers(view: RunView) -> dict[str, str]:
    """Return the headers with the run's ID, its decision and the address of its receipt."""
    headers = {
        "Assay-Run-Id": view.id,
        "Assay-Decision": view.result.decision if view.result is not None else None,
        "Assay-Receipt": f"/v1/inferences/{view.id}" if view.event is not None else None,
    }
    return {name: value for name, value in headers.items() if value}


def run_error_response(wire: ClientWire, view: RunView) -> JSONResponse | None:
    """Build the response for a run that ended in an error or has not ended. None for one with an answer."""
    response: JSONResponse | None = None
    if view.running:
        response = unfinished_response(wire, _run(view))
    elif (refusal := view.refusal) is not None:
        response = error_response(wire, refusal, view.id, _run(view))
    if response is not None:
        response.headers.update(run_headers(view))
    return response


def run_error_content(wire: ClientWire, run_id: str, found: Refusal | RunView) -> ErrorContent:
    """Return the error for a stream that ends without an answer: by a refusal, or by the state of its run."""
    if isinstance(found, Refusal):
        return error_content(wire, found, run_id)
    if (refusal := found.refusal) is not None:
        return error_content(wire, refusal, run_id, _run(found))
    return unfinished_content(wire, _run(found))


def _run(view: RunView) -> RunOfError:
    return RunOfError(view.id, view.problem.rules if view.problem else (), assay_member(view))
