"""``POST /v1/responses``: OpenAI's responses, each a governed run; and the counting of their tokens."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response

from api.access.auth import PromptSubmitter
from api.access.rates import RatedSubmitter
from api.dependencies import Inference
from api.http.body import beside_loop, read_json
from api.http.openapi import body_of
from api.inference.inference_services import InferenceServices
from api.inference.inferences import idempotency_key
from api.inference.run_views import RunView, running
from api.wires.client_requests import ClientRequest, ParsedRequest, parsed
from api.wires.connections import note
from api.wires.descriptions import wire_errors
from api.wires.errors import ClientWire
from api.wires.responses.events import ResponseEvents
from api.wires.responses.ids import response_id
from api.wires.responses.objects import ResponseRun, begun_object, response_object
from api.wires.responses.requests import (
    ResponseRequest,
    StoredContext,
    in_clients_terms,
    read_response_request,
    references,
)
from api.wires.responses.stored import StoredResponses
from api.wires.run_members import created, run_headers
from api.wires.submissions import answered, ignored_header, started
from domain.access.principals import Principal
from domain.inference.submissions import Ending
from domain.inference.token_estimates import estimate_tokens
from domain.refusals import Kind, Refusal

router = APIRouter(prefix="/v1/responses", tags=["clients"])


async def translated(request: Request, inference: InferenceServices, caller: Principal) -> ResponseRequest:
    """Translate the body of a request, with the stored responses that it refers to."""
    sent = await read_json(request)
    previous, referred = references(sent)
    stored = StoredResponses(inference, caller)
    context = StoredContext(
        earlier=[] if previous is None else await stored.conversation(previous),
        items=await stored.items(referred) if referred else {},
    )
    return read_response_request(sent, context)


def client_request(made: ResponseRequest, inference: InferenceServices) -> ClientRequest:
    """Return a translated request with the writers of its answer."""
    limits = inference.policy.policy.limits

    def whole(view: RunView) -> dict[str, Any]:
        return response_object(ResponseRun(view.id, made.body, created(view), limits), view)

    return ClientRequest(
        wire=ClientWire.RESPONSES,
        body=made.body,
        ignored=made.ignored,
        named=partial(in_clients_terms, request=made),
        whole=whole,
        events=ResponseEvents(made.body, limits) if made.stream else None,
    )


async def submitted_response(request: Request, caller: RatedSubmitter, inference: Inference) -> ParsedRequest:
    """Translate and parse the body under the current policy."""
    made = await translated(request, inference, caller)
    return await beside_loop(made.body, parsed, client_request(made, inference), inference)


@router.post("", responses=wire_errors(), openapi_extra=body_of("ResponseBody"))
async def create(
    request: Request,
    caller: RatedSubmitter,
    sent: Annotated[ParsedRequest, Depends(submitted_response)],
    inference: Inference,
    key: Annotated[str | None, Depends(idempotency_key)],
) -> Response:
    """Answer a response in OpenAI's format: whole, as a stream, or at once with `background`.

    The run's ID, decision and receipt are in headers and in the member `assay`; `Assay-Ignored` names dropped fields.
    """
    if not sent.client.body["response"].get("background") or sent.client.events is not None:
        return await answered(request, caller, sent, inference, key)
    run = await started(request, caller, sent, inference, key)
    stored = StoredResponses(inference, caller)
    begun = begun_object(stored.as_response(await stored.run(response_id(run.public_id))))
    await note(request, inference, Ending.ANSWERED)
    return JSONResponse(begun, headers=run_headers(running(run.public_id)) | ignored_header(sent.client))


@router.post("/input_tokens", responses=wire_errors(), openapi_extra=body_of("ResponseBody"))
async def count_tokens(request: Request, caller: PromptSubmitter, inference: Inference) -> dict[str, Any]:
    """Estimate a request's tokens. Nothing is sent to a model."""
    made = await translated(request, inference, caller)
    body = (await beside_loop(made.body, parsed, client_request(made, inference), inference)).body
    body.pinned.policy.model(caller.tenant, body.request.model, caller.models)
    return {
        "object": "response.input_tokens",
        "input_tokens": await beside_loop(made.body, estimate_tokens, body.request),
    }


@router.post("/compact", responses=wire_errors())
async def compact(caller: PromptSubmitter) -> None:
    """Refuse to compact a conversation: a provider does so with data that it alone can read."""
    del caller
    raise Refusal(Kind.NOT_FOUND, "not available; send a shorter input, or a summary, to POST /v1/responses")
