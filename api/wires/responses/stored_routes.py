"""Routes that read, cancel and delete stored responses, and take up their streams again."""

from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response

from api.access.auth import RunCanceller, RunReader
from api.dependencies import Inference
from api.http.preferences import Waiting
from api.inference.inference_services import InferenceServices
from api.inference.inferences import outcome, shown
from api.inference.run_views import RunView
from api.inference.runs import Started
from api.inference.stored_runs import StoredRun
from api.wires.awaiting import AwaitedRun
from api.wires.descriptions import wire_errors
from api.wires.errors import ClientWire
from api.wires.responses.events import ResponseEvents
from api.wires.responses.inputs import MOST_ITEMS, input_items, page_of
from api.wires.responses.objects import response_object
from api.wires.responses.stored import StoredResponses
from api.wires.run_members import run_error_content, run_headers
from api.wires.streams.run_streams import EventStream, RunStream
from api.wires.streams.writer import OpenedStream
from domain.access.principals import Principal
from domain.inference.bodies.values import wrong

router = APIRouter(prefix="/v1/responses", tags=["clients"])
CANCEL_SECONDS = 5.0
"""Time to wait for the end of a cancelled run."""
_WEBSOCKET = "no WebSocket is available; send POST /v1/responses, with stream: true for events"


@router.get("", include_in_schema=False)
async def list_responses(request: Request) -> Response:
    """Refuse WebSockets (426, RFC 9110 section 15.5.22) and lists (405). Clients then use POST."""
    socket = request.headers.get("upgrade", "").lower() == "websocket"
    said = _WEBSOCKET if socket else "responses are not listed; send POST /v1/responses"
    error = {"message": said, "type": "invalid_request_error", "param": None}
    code, status = ("upgrade_required", 426) if socket else ("method_not_allowed", 405)
    headers = {"x-should-retry": "false", **({"Upgrade": "HTTP/1.1", "Connection": "Upgrade"} if socket else {})}
    headers |= {} if socket else {"Allow": "POST"}
    return JSONResponse({"error": {**error, "code": code}}, status_code=status, headers=headers)


@router.get("/{response_id}", responses=wire_errors())
async def read(
    request: Request,
    response_id: str,
    caller: RunReader,
    inference: Inference,
    *,
    stream: bool = False,
    starting_after: Annotated[int | None, Query(ge=0, description="The number of the last event received.")] = None,
) -> Response:
    """Return a response in its present state, or its events.

    With `stream=true` these are sent again, with `starting_after` those after that number."""
    if starting_after is not None and not stream:
        raise wrong("starting_after", "needs stream=true")
    stored = StoredResponses(inference, caller)
    run = await stored.run(response_id)
    request.state.run_id = run.id
    if stream:
        return _stream(request, inference, caller, stored, run, starting_after)
    return _whole(stored, run, await stored.view(run))


@router.get("/{response_id}/input_items", responses=wire_errors())
async def read_input_items(
    request: Request,
    response_id: str,
    caller: RunReader,
    inference: Inference,
    *,
    limit: Annotated[int, Query(ge=1, le=MOST_ITEMS)] = 20,
    order: Literal["asc", "desc"] = "desc",
    after: str | None = None,
) -> dict[str, Any]:
    """Return the items that a response answers, the last first."""
    stored = StoredResponses(inference, caller)
    run = await stored.run(response_id)
    request.state.run_id = run.id
    return page_of(input_items(stored.as_response(run)), limit=limit, ascending=order == "asc", after=after)


@router.post("/{response_id}/cancel", responses=wire_errors())
async def cancel(request: Request, response_id: str, caller: RunCanceller, inference: Inference) -> JSONResponse:
    """Cancel a response, and wait some seconds for its end. One that has ended is unchanged."""
    stored = StoredResponses(inference, caller)
    run = await stored.run(response_id)
    request.state.run_id = run.id
    view = await inference.runs.cancel(run.id, caller)
    if view.running:
        view = await inference.runs.wait(Started(caller.tenant, run.id), CANCEL_SECONDS)
    return _whole(stored, run, await shown(inference, caller, view))


@router.delete("/{response_id}", responses=wire_errors())
async def delete(request: Request, response_id: str, caller: RunReader, inference: Inference) -> dict[str, Any]:
    """Delete a response: it is not read again. Its run and its record stay."""
    run = await StoredResponses(inference, caller).run(response_id)
    request.state.run_id = run.id
    await inference.stored.delete(run.id, caller)
    return {"id": response_id, "object": "response", "deleted": True}


def _whole(stored: StoredResponses, run: StoredRun, view: RunView) -> JSONResponse:
    return JSONResponse(response_object(stored.as_response(run), view), headers=run_headers(view))


def _stream(
    request: Request,
    inference: InferenceServices,
    caller: Principal,
    stored: StoredResponses,
    run: StoredRun,
    after: int | None,
) -> EventStream:
    """Return the events of a run from its beginning, or after a number: the same from every process."""
    made, terms = stored.as_response(run), inference.streams
    patience = Waiting(terms.wait_seconds)
    awaited = AwaitedRun(request, outcome(inference, caller, Started(caller.tenant, run.id), patience))
    awaited.ignore_connection()
    opened = OpenedStream(run.id, made.created, run.body["model"], 0)
    stream = RunStream(
        ResponseEvents(run.body, made.limits, after),
        opened,
        awaited.outcome,
        partial(run_error_content, ClientWire.RESPONSES, run.id),
    )

    async def released(whole: bool) -> None:
        del whole
        awaited.close()

    return EventStream(stream.events(terms), {"Assay-Run-Id": run.id}, released)
