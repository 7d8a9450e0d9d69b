"""``POST /v1/chat/completions``: OpenAI's chat completions, each a governed run."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from api.access.rates import RatedSubmitter
from api.dependencies import Inference
from api.http.openapi import body_of
from api.inference.inferences import idempotency_key
from api.wires.chat.answers import completion_of
from api.wires.chat.events import ChatEvents
from api.wires.chat.requests import in_clients_terms, read_chat
from api.wires.client_requests import ClientRequest, ParsedRequest, parsed_by
from api.wires.descriptions import wire_answers
from api.wires.errors import ClientWire
from api.wires.submissions import answered

router = APIRouter(tags=["clients"])


def chat_request(sent: object) -> ClientRequest:
    """Translate a decoded body.

    Raises:
        Refusal: INVALID_REQUEST, with the field as the client named it.
    """
    chat = read_chat(sent)
    named = partial(in_clients_terms, request=chat)
    events = ChatEvents(usage=chat.stream.usage) if chat.stream is not None else None
    return ClientRequest(ClientWire.CHAT, chat.body, chat.ignored, named, completion_of, events)


@router.post("/v1/chat/completions", responses=wire_answers(), openapi_extra=body_of("ChatBody"))
async def complete(
    request: Request,
    caller: RatedSubmitter,
    sent: Annotated[ParsedRequest, Depends(parsed_by(chat_request))],
    inference: Inference,
    key: Annotated[str | None, Depends(idempotency_key)],
) -> Response:
    """Answer a chat completion in OpenAI's format, whole or as a stream. Waits up to five minutes for a whole answer.

    The run's ID, decision and receipt are in headers and in the member `assay`, for streams of the last chunk;
    `Assay-Ignored` names dropped fields. A stream begins once the request is admitted: a refusal before is a status.
    """
    return await answered(request, caller, sent, inference, key)
