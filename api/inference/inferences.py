"""``/v1/inferences``: submit a request, read its run, cancel it."""

import time
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import JSONResponse

from api.access.auth import RunCanceller, RunReader
from api.access.rates import RatedSubmitter
from api.dependencies import Inference
from api.http.body import beside_loop, read_json
from api.http.headers import only_one
from api.http.openapi import body_of, problems
from api.http.preferences import Waiting, waiting
from api.http.schemas import RunBody
from api.inference.inference_services import InferenceServices
from api.inference.run_views import RunView, findings_of, running
from api.inference.runs import Started, Submission
from api.problems import problem_response
from domain.access.principals import Principal
from domain.inference.bodies.values import wrong
from domain.inference.parsing import parse_request
from domain.inference.requests import InferenceRequest
from domain.refusals import Kind, Refusal
from services.policies.current import PinnedPolicy

router = APIRouter(prefix="/v1/inferences", tags=["inferences"])
_MAX_KEY_CHARS = 255


@dataclass(frozen=True, slots=True)
class SubmittedBody:
    """A body as sent, and its request, parsed under the policy to be pinned."""

    sent: dict[str, Any]
    request: InferenceRequest
    pinned: PinnedPolicy


async def submitted_body(request: Request, inference: Inference) -> SubmittedBody:
    """Parse the body under the current policy. A route names this dependency after its caller."""
    sent = await read_json(request)
    if isinstance(sent, dict) and "ignored" in sent:  # names that a translator states
        raise wrong("ignored", "is unknown")
    pinned = inference.policy
    parsed = await beside_loop(sent, parse_request, sent, pinned.policy.limits)
    return SubmittedBody(sent, parsed, pinned)


async def idempotency_key(
    request: Request,
    idempotency_key: Annotated[
        str | None, Header(description="Requests with the same key return the same run.")
    ] = None,
) -> str | None:
    """Validate the ``Idempotency-Key`` header: 1 to 255 printable ASCII characters, once."""
    if only_one(request, "Idempotency-Key") is None or idempotency_key is None:
        return None
    if (
        not 1 <= len(idempotency_key) <= _MAX_KEY_CHARS
        or not idempotency_key.isascii()
        or not idempotency_key.isprintable()
    ):
        raise Refusal(Kind.INVALID_REQUEST, "must have 1 to 255 printable ASCII characters", field="Idempotency-Key")
    return idempotency_key


@router.post(
    "",
    response_model=RunBody,
    response_model_exclude_none=True,
    responses={
        202: {"model": RunBody, "description": "Still running"},
        **problems(400, 401, 403, 413, 415, 422, 429, 502, 503, 504),
    },
    openapi_extra=body_of("InferenceBody"),
)
async def submit(
    request: Request,
    caller: RatedSubmitter,
    body: Annotated[SubmittedBody, Depends(submitted_body)],
    inference: Inference,
    key: Annotated[str | None, Depends(idempotency_key)],
    prefer: Annotated[str | None, Header(description="`wait=SECONDS`, `respond-async` (RFC 7240), `sealed`")] = None,
) -> JSONResponse:
    """Submit a governed request. Waits up to 30 s for the answer by default, then returns 202 with `Location`.

    With `Prefer: sealed` it waits until a signed checkpoint covers the record, and returns the proof.
    """
    del prefer  # declared for the description; read below, since a header may occur more than once
    model = body.request.model
    body.pinned.policy.model(caller.tenant, model, caller.models)
    started = await inference.runs.start(Submission(caller, body.sent, model, body.pinned.hash, key))
    request.state.run_id = started.public_id
    patience = waiting(request.headers.getlist("prefer"), inference.wait_seconds)
    response = respond(await outcome(inference, caller, started, patience))
    if patience.applied:
        response.headers["Preference-Applied"] = patience.applied
    return response


async def shown(inference: InferenceServices, caller: Principal, view: RunView) -> RunView:
    """Return the run with its receipt's proof. As running if the policy requires a proof and there is none yet."""
    event = view.event
    found = view if event is None else view.with_proof(await inference.checkpoints.now(caller.tenant, event))
    if inference.policy.policy.for_tenant(caller.tenant).sealed and found.unsealed:
        return running(view.id)
    return found


async def outcome(inference: InferenceServices, caller: Principal, started: Started, patience: Waiting) -> RunView:
    """Return the run's outcome, with its proof if required, or the run as running."""
    begun = time.monotonic()
    view = await inference.runs.wait(started, patience.seconds)
    event = view.event
    wanted = patience.sealed or inference.policy.policy.for_tenant(caller.tenant).sealed
    if view.running or event is None or not wanted:
        return view
    left = patience.seconds - (time.monotonic() - begun)
    found = view.with_proof(await inference.checkpoints.wait(caller.tenant, event, left))
    return running(started.public_id) if found.unsealed else found


@router.get(
    "/{run_id}", response_model=RunBody, response_model_exclude_none=True, responses=problems(401, 403, 404, 503)
)
async def read(request: Request, run_id: str, caller: RunReader, inference: Inference) -> JSONResponse:
    """Return the current state of a run: the caller's own, or any run of the tenant for auditors, recorded first."""
    view = await inference.runs.read(run_id, caller)
    request.state.run_id = run_id
    return JSONResponse((await shown(inference, caller, view)).body())


@router.post(
    "/{run_id}/cancel",
    status_code=202,
    response_model=RunBody,
    response_model_exclude_none=True,
    responses=problems(401, 403, 404, 503),
)
async def cancel(request: Request, run_id: str, caller: RunCanceller, inference: Inference) -> JSONResponse:
    """Request the run's cancellation. Used tokens are settled; a run that has ended is unchanged."""
    view = await shown(inference, caller, await inference.runs.cancel(run_id, caller))
    request.state.run_id = run_id
    return JSONResponse(view.body(), status_code=202 if view.running else 200)


def respond(view: RunView) -> JSONResponse:
    """Build the response to a waiting POST: 200, 202, or the problem in which the run ended."""
    if view.running:
        location = {"Location": f"/v1/inferences/{view.id}", "Retry-After": "1"}
        return JSONResponse(view.body(), status_code=202, headers=location)
    if (refusal := view.refusal) is not None:
        problem = view.problem
        rules = list(problem.rules) if problem and problem.rules else None
        findings = findings_of(problem) if problem and problem.places else None
        return problem_response(refusal, final=True, rules=rules, findings=findings, run=view.body())
    return JSONResponse(view.body())
