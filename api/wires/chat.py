"""``POST /v1/chat/completions``: OpenAI's chat completions, each a governed run."""

from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from api.access.rates import RatedSubmitter
from api.dependencies import Inference
from api.http.body import read_json
from api.http.openapi import body_of
from api.http.preferences import MAX_WAIT_SECONDS, waiting
from api.inference.inferences import SubmittedBody, idempotency_key, outcome
from api.inference.run_views import RunView
from api.inference.runs import Submission
from api.wires.chat_answers import assay_member, completion_of
from api.wires.chat_requests import in_clients_terms, read_chat
from api.wires.descriptions import wire_errors
from api.wires.errors import ClientWire, RunOfError, error_response, unfinished_response
from domain.inference.parsing import parse_request
from domain.refusals import Refusal

router = APIRouter(tags=["clients"])


@dataclass(frozen=True, slots=True)
class ChatSubmission:
    """A translated body, and the names of what was dropped."""

    body: SubmittedBody
    ignored: tuple[str, ...]


async def submitted_chat(request: Request, inference: Inference) -> ChatSubmission:
    """Translate and parse the body under the current policy. A route names this dependency after its caller."""
    chat = read_chat(await read_json(request))
    pinned = inference.policy
    try:
        parsed = parse_request(chat.body, pinned.policy.limits)
    except Refusal as refusal:
        raise in_clients_terms(refusal, chat) from None
    return ChatSubmission(SubmittedBody(chat.body, parsed, pinned), chat.ignored)


@router.post("/v1/chat/completions", responses=wire_errors(), openapi_extra=body_of("ChatBody"))
async def complete(
    request: Request,
    caller: RatedSubmitter,
    sent: Annotated[ChatSubmission, Depends(submitted_chat)],
    inference: Inference,
    key: Annotated[str | None, Depends(idempotency_key)],
) -> JSONResponse:
    """Answer a chat completion in OpenAI's format, without streams. Waits up to five minutes for the answer.

    The run's ID, decision and receipt are in headers and in the member `assay`; `Assay-Ignored` names dropped fields.
    """
    body = sent.body
    model = body.request.model
    body.pinned.policy.model(caller.tenant, model)
    started = await inference.runs.start(Submission(caller, body.sent, model, body.pinned.hash, key))
    request.state.run_id = started.public_id
    patience = replace(waiting(request.headers.getlist("prefer"), MAX_WAIT_SECONDS), seconds=MAX_WAIT_SECONDS)
    response = chat_response(await outcome(inference, caller, started, patience))
    if sent.ignored:
        response.headers["Assay-Ignored"] = ", ".join(sent.ignored)
    return response


def chat_response(view: RunView) -> JSONResponse:
    """Build the response: the completion, or the error in which the run ended, or that it has not ended."""
    run = RunOfError(view.id, view.problem.rules if view.problem else (), assay_member(view))
    if view.running:
        response = unfinished_response(ClientWire.CHAT, run)
    elif (refusal := view.refusal) is not None:
        response = error_response(ClientWire.CHAT, refusal, view.id, run)
    else:
        response = JSONResponse(completion_of(view))
    response.headers.update(_headers(view))
    return response


def _headers(view: RunView) -> dict[str, str]:
    headers = {
        "Assay-Run-Id": view.id,
        "Assay-Decision": view.result.decision if view.result is not None else None,
        "Assay-Receipt": f"/v1/inferences/{view.id}" if view.event is not None else None,
    }
    return {name: value for name, value in headers.items() if value}
