"""Answers to requests in the clients' formats: policy, start of the run, wait, and the response in the format."""

import asyncio
import time
from dataclasses import replace
from functools import partial

from fastapi import Request
from fastapi.responses import JSONResponse, Response
from starlette.background import BackgroundTask

from api.http.body import beside_loop
from api.http.preferences import MAX_WAIT_SECONDS, waiting
from api.inference.inference_services import InferenceServices
from api.inference.inferences import outcome
from api.inference.run_views import RunView, running
from api.inference.runs import Started, Submission
from api.wires.awaiting import AwaitedRun, ClientGone
from api.wires.client_requests import ClientRequest, ParsedRequest
from api.wires.connections import begin, ending_of, note
from api.wires.dropped import shown
from api.wires.run_members import created, run_error_content, run_error_response, run_headers
from api.wires.streams.run_streams import EventStream, RunStream
from api.wires.streams.writer import OpenedStream
from domain.access.principals import Principal
from domain.inference.parsing import request_hash
from domain.inference.submissions import Ending
from domain.inference.token_estimates import estimate_tokens
from domain.refusals import Refusal

CLIENT_GONE: int = 499
"""Status of a response that is never read. It has no name in HTTP."""


async def started(
    request: Request, caller: Principal, parsed: ParsedRequest, inference: InferenceServices, key: str | None
) -> Started:
    """Start the run of a request, or return that of its key or earlier request.

    Without a key, the route notes the connection's end by ``connections.note``, as ``answered`` does.

    Raises:
        Refusal: UNKNOWN_MODEL, and as ``Runs.start``.
    """
    body = parsed.body
    model, policy = body.request.model, body.pinned.hash
    body.pinned.policy.model(caller.tenant, model, caller.models)
    digest = await beside_loop(body.sent, request_hash, body.sent)
    submission = Submission(caller, body.sent, model, policy, key, digest=digest)
    if key is None:
        # what was dropped makes no difference, and is not always equal for a stream and a whole answer
        asked = parsed.client.body
        equal = digest if asked is body.sent else await beside_loop(asked, request_hash, asked)
        begun = await begin(request, caller, inference, policy, equal, streamed=parsed.client.events is not None)
        submission = replace(submission, begun=begun)
    try:
        found = await inference.runs.start(submission)
    except BaseException:
        await note(request, inference, Ending.CUT)
        raise
    request.state.run_id = found.public_id
    return found


async def answered(
    request: Request, caller: Principal, parsed: ParsedRequest, inference: InferenceServices, key: str | None
) -> Response:
    """Run a request, and return its answer: whole or as a stream, or the error in which its run ended.

    Raises:
        Refusal: as ``started``; and what is wrong with the engine or a store.
    """
    run = await started(request, caller, parsed, inference, key)
    client, writer = parsed.client, parsed.client.events
    patience = replace(waiting(request.headers.getlist("prefer"), MAX_WAIT_SECONDS), seconds=MAX_WAIT_SECONDS)
    if writer is not None:
        patience = replace(patience, seconds=inference.streams.wait_seconds)
    awaited = AwaitedRun(request, outcome(inference, caller, run, patience))
    response: Response
    try:
        view = await _first(request, inference, awaited, run, opens=writer is not None)
        if writer is not None and (view is None or run_error_response(client.wire, view) is None):
            return await _stream(request, parsed, inference, run, awaited, view)
        view = view or running(run.public_id)
        response = whole_response(client, view)
    except ClientGone:
        response, view = Response(status_code=CLIENT_GONE), running(run.public_id)
    except BaseException:
        awaited.close()
        await note(request, inference, Ending.CUT)
        raise
    awaited.close()
    ending = ending_of(view)
    if ending is Ending.ANSWERED:
        response.background = BackgroundTask(note, request, inference, ending)
    else:
        await note(request, inference, ending)  # before the client can repeat the request
    return response


def whole_response(client: ClientRequest, view: RunView) -> JSONResponse:
    """Build the response of a run: its answer, or the error in which it ended, or that it has not ended."""
    response = run_error_response(client.wire, view)
    if response is None:
        response = JSONResponse(client.whole(view), headers=run_headers(view))
    response.headers.update(ignored_header(client))
    return response


def ignored_header(client: ClientRequest) -> dict[str, str]:
    """Return the header with the names of what was dropped; none if nothing was."""
    return {"Assay-Ignored": ", ".join(shown(client.ignored))} if client.ignored else {}


async def _first(
    request: Request, inference: InferenceServices, awaited: AwaitedRun, run: Started, *, opens: bool
) -> RunView | None:
    """Return the outcome. None for a stream that opens: its run is admitted, a keep-alive due.

    A run that is not known to be admitted in time is returned as running.
    """
    pause, left = inference.streams.keep_alive_seconds, float(MAX_WAIT_SECONDS)
    while left > 0:
        view = await awaited.within(min(pause, left))
        if view is not None:
            return view
        left -= pause
        await note(request, inference)
        if opens and await _admitted(inference, run):
            return None
    return running(run.public_id)


async def _stream(
    request: Request,
    parsed: ParsedRequest,
    inference: InferenceServices,
    run: Started,
    awaited: AwaitedRun,
    view: RunView | None,
) -> Response:
    """Return the stream of a run that is admitted or answered."""
    client, writer = parsed.client, parsed.client.events
    assert writer is not None  # noqa: S101 - for the types: the caller looked
    opened = await _opened(inference, run, parsed, view)
    awaited.ignore_connection()
    error = partial(run_error_content, client.wire, run.public_id)
    stream = RunStream(writer, opened, awaited.outcome, error, partial(note, request, inference))

    async def released(whole: bool) -> None:
        ending = ending_of(awaited.outcome.result()) if whole and awaited.answered() else Ending.CUT
        awaited.close()
        await note(request, inference, ending)

    headers = run_headers(view or running(run.public_id)) | ignored_header(client)
    return EventStream(stream.events(inference.streams), headers, released)


async def _admitted(inference: InferenceServices, run: Started) -> bool:
    """Return True for a run that has passed guards and budget. False while the store can't tell."""
    try:
        return await inference.runs.admitted(run)
    except Refusal:
        return False


async def _opened(
    inference: InferenceServices, run: Started, parsed: ParsedRequest, view: RunView | None
) -> OpenedStream:
    result = view.result if view is not None else None
    if view is None or result is None or result.result is None:
        asked = parsed.body.request
        tokens = await asyncio.to_thread(estimate_tokens, asked)  # of a long conversation it takes a while
        began = await inference.stored.began(run.public_id)
        return OpenedStream(run.public_id, began or int(time.time()), asked.model, tokens)
    tokens = result.usage.prompt_tokens if result.usage is not None else 0
    return OpenedStream(run.public_id, created(view), result.result.model, tokens, view)
