"""Answers to requests in the clients' formats: policy, start of the run, wait, and the response in the format."""

import asyncio
import time
from dataclasses import replace
from functools import partial

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from api.http.preferences import MAX_WAIT_SECONDS, Waiting, waiting
from api.inference.inference_services import InferenceServices
from api.inference.inferences import outcome
from api.inference.run_views import RunView, running
from api.inference.runs import Started, Submission
from api.wires.awaiting import AwaitedRun, ClientGone
from api.wires.client_requests import ClientRequest, ParsedRequest
from api.wires.run_members import created, run_error_content, run_error_response, run_headers
from api.wires.streams.run_streams import EventStream, RunStream
from api.wires.streams.writer import EventWriter, OpenedStream
from domain.access.principals import Principal
from domain.inference.token_estimates import estimate_tokens
from domain.refusals import Refusal

CLIENT_GONE: int = 499
"""Status of a response that is never read. It has no name in HTTP."""


async def started(
    request: Request, caller: Principal, parsed: ParsedRequest, inference: InferenceServices, key: str | None
) -> Started:
    """Start the run of a request, or return the one of its idempotency key.

    Raises:
        Refusal: UNKNOWN_MODEL, and as ``Runs.start``.
    """
    body = parsed.body
    model = body.request.model
    body.pinned.policy.model(caller.tenant, model)
    found = await inference.runs.start(Submission(caller, body.sent, model, body.pinned.hash, key))
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
    patience = replace(waiting(request.headers.getlist("prefer"), MAX_WAIT_SECONDS), seconds=MAX_WAIT_SECONDS)
    client = parsed.client
    if client.events is not None:
        return await _streamed(request, caller, parsed, inference, run, patience, client.events)
    awaited = AwaitedRun(request, outcome(inference, caller, run, patience))
    try:
        view = await awaited.within(None)
    except ClientGone:
        return Response(status_code=CLIENT_GONE)
    finally:
        awaited.close()
    return whole_response(client, view or running(run.public_id))


def whole_response(client: ClientRequest, view: RunView) -> JSONResponse:
    """Build the response of a run: its answer, or the error in which it ended, or that it has not ended."""
    response = run_error_response(client.wire, view)
    if response is None:
        response = JSONResponse(client.whole(view), headers=run_headers(view))
    response.headers.update(ignored_header(client))
    return response


def ignored_header(client: ClientRequest) -> dict[str, str]:
    """Return the header with the names of what was dropped; none if nothing was."""
    return {"Assay-Ignored": ", ".join(client.ignored)} if client.ignored else {}


async def _streamed(
    request: Request,
    caller: Principal,
    parsed: ParsedRequest,
    inference: InferenceServices,
    run: Started,
    patience: Waiting,
    writer: EventWriter,
) -> Response:
    """Return the stream of a run. An error before the first byte is a whole response."""
    client, terms = parsed.client, inference.streams
    patience = replace(patience, seconds=terms.wait_seconds)
    awaited = AwaitedRun(request, outcome(inference, caller, run, patience))
    try:
        view = await _until_open(awaited, inference, run)
        if view is not None and (failed := run_error_response(client.wire, view)) is not None:
            awaited.close()
            failed.headers.update(ignored_header(client))
            return failed
        opened = await _opened(run, parsed, view)
    except ClientGone:
        awaited.close()
        return Response(status_code=CLIENT_GONE)
    except BaseException:
        awaited.close()
        raise
    awaited.ignore_connection()
    stream = RunStream(writer, opened, awaited.outcome, partial(run_error_content, client.wire, run.public_id))
    headers = run_headers(view or running(run.public_id)) | ignored_header(client)

    async def released(whole: bool) -> None:
        awaited.close()

    return EventStream(stream.events(terms), headers, released)


async def _until_open(awaited: AwaitedRun, inference: InferenceServices, run: Started) -> RunView | None:
    """Return the outcome, or None for an admitted run whose keep-alive is due.

    A run that is not admitted by the usual limit is returned as running.
    """
    terms = inference.streams
    left = float(MAX_WAIT_SECONDS)
    while left > 0:
        view = await awaited.within(min(terms.keep_alive_seconds, left))
        if view is not None:
            return view
        left -= terms.keep_alive_seconds
        if await _admitted(inference, run):
            return None
    return running(run.public_id)


async def _admitted(inference: InferenceServices, run: Started) -> bool:
    """Return True for a run that has passed guards and budget. False while the store can't tell."""
    try:
        return await inference.runs.admitted(run)
    except Refusal:
        return False


async def _opened(run: Started, parsed: ParsedRequest, view: RunView | None) -> OpenedStream:
    result = view.result if view is not None else None
    if view is None or result is None or result.result is None:
        asked = parsed.body.request
        tokens = await asyncio.to_thread(estimate_tokens, asked)  # of a long conversation it takes a while
        return OpenedStream(run.public_id, int(time.time()), asked.model, tokens)
    tokens = result.usage.prompt_tokens if result.usage is not None else 0
    return OpenedStream(run.public_id, created(view), result.result.model, tokens, view)
