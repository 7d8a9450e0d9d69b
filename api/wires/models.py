"""``GET /v1/models``: the models of a caller, in one form that clients of OpenAI and Anthropic both read."""

from typing import Any, Final

from fastapi import APIRouter

from api.access.auth import PromptSubmitter
from api.dependencies import Inference
from api.wires.descriptions import wire_errors

router = APIRouter(prefix="/v1/models", tags=["clients"])
_UNKNOWN_TIME: Final = "1970-01-01T00:00:00Z"  # a policy has no dates of models


def model_body(alias: str) -> dict[str, Any]:
    """Return a model by its alias: the members of both formats."""
    return {
        "id": alias,
        "object": "model",
        "created": 0,
        "owned_by": "assay",
        "type": "model",
        "display_name": alias,
        "created_at": _UNKNOWN_TIME,
    }


@router.get("", responses=wire_errors())
async def list_models(caller: PromptSubmitter, inference: Inference) -> dict[str, Any]:
    """List the models that the caller may use, by the policy's aliases."""
    found = [model_body(alias) for alias in inference.policy.policy.models_for(caller.tenant, caller.models)]
    return {
        "object": "list",
        "data": found,
        "has_more": False,
        "first_id": found[0]["id"] if found else None,
        "last_id": found[-1]["id"] if found else None,
    }


@router.get("/{alias:path}", responses=wire_errors())
async def read_model(alias: str, caller: PromptSubmitter, inference: Inference) -> dict[str, Any]:
    """Read one model. The alias of another tenant's model is unknown."""
    return model_body(inference.policy.policy.model(caller.tenant, alias, caller.models).alias)
