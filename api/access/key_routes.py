"""``/v1/keys``: API keys of a client, made, listed, rotated and revoked with an access token."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from api.access.auth import Authenticated
from api.access.key_bodies import (
    ApiKeyBody,
    ApiKeyRequest,
    ApiKeysBody,
    KeyRotation,
    NewApiKeyBody,
    RevokedKeyBody,
    dumped,
)
from api.access.rates import RatedKeyMaker
from api.dependencies import Access, Inference, services
from api.http.body import checked, read_json
from api.http.openapi import body_of, problems
from domain.access.api_keys import KeyState, visible_prefix
from domain.access.principals import Action, Principal
from domain.access.resources import Resource, ResourceKind
from domain.refusals import Kind, Refusal
from services.api_keys.management import KeyWish, ListedKey, MadeKey

router = APIRouter(prefix="/v1/keys", tags=["keys"])
_REFUSED = problems(400, 401, 403, 413, 415, 422, 429, 503)
_NO_STORE = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class KeyManager:
    """A principal who may manage its own keys, or with ``any_key`` its tenant's."""

    principal: Principal
    any_key: bool


async def key_manager(request: Request, principal: Authenticated) -> KeyManager:
    """Return the manager of keys that the caller is.

    Raises:
        Refusal: FORBIDDEN.
    """
    decider, keys = (await services(request)).access.decider, Resource(principal.tenant, ResourceKind.API_KEY)
    try:
        await decider.require(principal, Action.MANAGE_ANY_KEY, keys)
    except Refusal:
        await decider.require(principal, Action.MANAGE_OWN_KEYS, keys)
        return KeyManager(principal, any_key=False)
    return KeyManager(principal, any_key=True)


Manager = Annotated[KeyManager, Depends(key_manager)]


@router.post(
    "",
    status_code=201,
    response_model=NewApiKeyBody,
    response_model_exclude_none=True,
    responses=_REFUSED,
    openapi_extra=body_of(ApiKeyRequest),
)
async def create(request: Request, caller: RatedKeyMaker, access: Access, inference: Inference) -> JSONResponse:
    """Make an API key. It acts as the caller, with no more than the caller's rights. Its text is shown once."""
    wanted = checked(ApiKeyRequest, await read_json(request))
    granted = inference.policy.policy.models_for(caller.tenant)
    for number, alias in enumerate(wanted.models or ()):
        if alias not in granted:
            raise Refusal(Kind.INVALID_REQUEST, "is not the alias of a model", field=f"models.{number}")
    wish = KeyWish(
        name=wanted.name,
        life=None if wanted.expires_in_days is None else timedelta(days=wanted.expires_in_days),
        models=None if wanted.models is None else tuple(dict.fromkeys(wanted.models)),
        requests_per_minute=wanted.requests_per_minute,
    )
    return _shown_once(await access.keys.management.create(caller, wish, access.keys.limits(caller.tenant)))


@router.get("", response_model=ApiKeysBody, response_model_exclude_none=True, responses=problems(401, 403, 503))
async def list_keys(manager: Manager, access: Access) -> JSONResponse:
    """List the caller's API keys, or all of the tenant's for its admins. Newest first, at most 1000."""
    principal = manager.principal
    found = await access.keys.management.listed(
        principal, access.keys.limits(principal.tenant), any_key=manager.any_key
    )
    return JSONResponse(dumped(ApiKeysBody(keys=[_listed(key) for key in found])), headers=_NO_STORE)


@router.delete("/{key_id}", response_model=RevokedKeyBody, responses=problems(401, 403, 404, 503))
async def revoke(key_id: str, manager: Manager, access: Access) -> RevokedKeyBody:
    """Revoke an API key: of the caller, or any of the tenant for its admins. It ends everywhere within 5 seconds."""
    await access.keys.management.revoke(manager.principal, key_id, any_key=manager.any_key)
    return RevokedKeyBody(id=key_id)


@router.post(
    "/{key_id}/rotate",
    status_code=201,
    response_model=NewApiKeyBody,
    response_model_exclude_none=True,
    responses=_REFUSED | problems(404),
    openapi_extra=body_of(KeyRotation),
)
async def rotate(request: Request, key_id: str, caller: RatedKeyMaker, access: Access) -> JSONResponse:
    """Replace an API key of the caller by a new one with the same rights. Both work for the overlap."""
    wanted = checked(KeyRotation, await read_json(request))
    overlap, limits = timedelta(seconds=wanted.overlap_seconds), access.keys.limits(caller.tenant)
    return _shown_once(await access.keys.management.rotate(caller, key_id, overlap, limits), replaces=key_id)


def _shown_once(made: MadeKey, replaces: str | None = None) -> JSONResponse:
    key = made.key
    listed = _listed(ListedKey(key.id, key.grant, key.times, KeyState.ACTIVE, key.caller))
    body = NewApiKeyBody(**listed.model_dump(), key=made.text, replaces=replaces)
    return JSONResponse(dumped(body), status_code=201, headers=_NO_STORE)


def _listed(key: ListedKey) -> ApiKeyBody:
    grant = key.grant
    return ApiKeyBody(
        id=key.id,
        prefix=visible_prefix(key.id),
        name=None if grant is None else grant.name,
        state=key.state,
        caller=key.caller,
        created_at=key.times.created_at,
        expires_at=key.times.expires_at,
        ends_at=key.times.ends_at,
        revoked_at=key.times.revoked_at,
        last_used_at=key.times.last_used_at,
        models=None if grant is None or grant.models is None else list(grant.models),
        requests_per_minute=None if grant is None else grant.requests_per_minute,
    )
