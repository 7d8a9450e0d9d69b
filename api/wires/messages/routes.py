"""``POST /v1/messages``: Anthropic's messages, each a governed run, and the estimate of their tokens."""

import asyncio
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse

from api.access.rates import RatedSubmitter
from api.dependencies import Inference
from api.http.openapi import body_of
from api.inference.inferences import idempotency_key
from api.wires.client_requests import ClientRequest, ParsedRequest, parsed_by
from api.wires.descriptions import wire_answers, wire_errors
from api.wires.errors import ClientWire
from api.wires.messages.answers import message_of_run
from api.wires.messages.events import MessagesEvents
from api.wires.messages.requests import read_messages_request
from api.wires.messages.terms import in_anthropics_terms
from api.wires.submissions import answered, ignored_header
from domain.inference.token_estimates import estimate_tokens

router = APIRouter(prefix="/v1/messages", tags=["clients"])


def messages_request(sent: object, *, counted: bool = False) -> ClientRequest:
    """Translate a decoded body.

    Raises:
        Refusal: INVALID_REQUEST, with the field as the client named it.
    """
    found = read_messages_request(sent, counted=counted)
    stop = found.body.get("stop")
    stops = tuple(stop) if isinstance(stop, list) else ()  # not validated yet
    return ClientRequest(
        ClientWire.MESSAGES,
        found.body,
        found.ignored,
        partial(in_anthropics_terms, request=found),
        partial(message_of_run, stops=stops),
        MessagesEvents(stops) if found.stream else None,
    )


def counted_request(sent: object) -> ClientRequest:
    """Translate a body whose tokens are to be counted."""
    return messages_request(sent, counted=True)


@router.post("", responses=wire_answers(), openapi_extra=body_of("MessagesBody"))
async def create_message(
    request: Request,
    caller: RatedSubmitter,
    sent: Annotated[ParsedRequest, Depends(parsed_by(messages_request))],
    inference: Inference,
    key: Annotated[str | None, Depends(idempotency_key)],
) -> Response:
    """Answer a message in Anthropic's format, whole or as a stream. Waits up to five minutes for a whole answer.

    The run's ID, decision and receipt are in headers and in the member `assay`, for streams of the last event;
    `Assay-Ignored` names dropped fields. A stream begins once the request is admitted: a refusal before is a status.
    """
    return await answered(request, caller, sent, inference, key)


@router.post("/count_tokens", responses=wire_errors(), openapi_extra=body_of("CountTokensBody"))
async def count_tokens(
    caller: RatedSubmitter,
    sent: Annotated[ParsedRequest, Depends(parsed_by(counted_request))],
) -> JSONResponse:
    """Estimate the tokens of a message's prompt, without a model: nothing is sent to a provider, and no run starts."""
    body = sent.body
    body.pinned.policy.model(caller.tenant, body.request.model, caller.models)
    tokens = await asyncio.to_thread(estimate_tokens, body.request)  # of a long conversation it takes a while
    return JSONResponse({"input_tokens": tokens}, headers=ignored_header(sent.client))
