"""``/ai/predict``: the endpoint of the tutorial Assay grew out of, fully governed."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from api.access.rates import RatedSubmitter
from api.dependencies import Inference
from api.http.body import json_body
from api.http.openapi import body_of, problems
from api.http.preferences import MAX_WAIT_SECONDS, waiting
from api.http.schemas import PredictBody, PredictResult, RunBody
from api.inference.inferences import idempotency_key, outcome, respond
from api.inference.runs import Submission
from domain.inference.parsing import parse_request

router = APIRouter(tags=["tutorial"])
JsonBody = Annotated[tuple[PredictBody, dict[str, Any]], Depends(json_body(PredictBody))]


@router.post(
    "/ai/predict",
    response_model=PredictResult,
    response_model_exclude_none=True,
    responses={
        202: {"model": RunBody, "description": "Still running after five minutes"},
        **problems(400, 401, 403, 413, 415, 422, 429, 502, 503, 504),
    },
    openapi_extra=body_of(PredictBody),
)
async def predict(
    request: Request,
    caller: RatedSubmitter,
    body: JsonBody,
    inference: Inference,
    key: Annotated[str | None, Depends(idempotency_key)],
) -> JSONResponse:
    """Send a prompt to the policy's default model and wait for the answer, with `Prefer: sealed` for its proof too."""
    pinned = inference.policy
    asked = {
        "model": pinned.policy.default_model(caller.tenant, caller.models),
        "prompt": body[0].prompt,
        "temperature": body[0].temperature,
    }
    wanted = parse_request(asked, pinned.policy.limits)
    started = await inference.runs.start(Submission(caller, asked, wanted.model, pinned.hash, key))
    request.state.run_id = started.public_id
    patience = replace(waiting(request.headers.getlist("prefer"), MAX_WAIT_SECONDS), seconds=MAX_WAIT_SECONDS)
    view = await outcome(inference, caller, started, patience)
    answer = view.body()
    if view.result is None or view.result.result is None:
        return respond(view)
    parts = {"parts": answer["result"]["parts"]} if "parts" in answer["result"] else {}
    return JSONResponse(
        {
            "result": answer["result"]["content"],
            **parts,
            "id": started.public_id,
            "model": answer["result"]["model"],
            "usage": answer.get("usage"),
            "receipt": answer.get("receipt"),
        }
    )
