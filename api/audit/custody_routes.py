"""``/v1/audit/erasures`` and ``/v1/audit/holds``: erasure and legal holds.

A data subject's name is accepted in the body only: proxies log paths and queries.
"""

from datetime import datetime
from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from api.access.auth import Eraser, HoldPlacer, HoldReader, HoldReleaser
from api.dependencies import Audit
from api.http.body import checked, read_json
from api.http.openapi import body_of, problems
from api.http.schemas import ErasureBody, HoldRequest
from domain.records.custody import Hold, HoldState

router = APIRouter(prefix="/v1/audit", tags=["custody"])
_REFUSED = problems(400, 401, 403, 413, 415, 422, 503)


class ErasedBody(BaseModel):
    """Result of an erasure: the number of keys erased, 0 if there were none."""

    erased_keys: int


class HoldBody(BaseModel):
    """A legal hold. ``subject``, ``placed_by`` and the like are keyed hashes, as in records."""

    id: UUID
    state: Literal["standing", "release_marked", "released"]
    tenant_wide: bool
    subject: str | None = None
    placed_at: datetime
    placed_by: str
    first_release_at: datetime | None = None
    first_release_by: str | None = None
    released_at: datetime | None = None
    released_by: str | None = None


class HoldsBody(BaseModel):
    """Legal holds of a tenant."""

    holds: list[HoldBody]


@router.post(
    "/erasures",
    response_model=ErasedBody,
    responses=_REFUSED | problems(409),
    openapi_extra=body_of(ErasureBody),
)
async def erase(request: Request, caller: Eraser, audit: Audit) -> ErasedBody:
    """Make the records of a data subject permanently unreadable. The erasure is recorded without the subject's name."""
    wanted = checked(ErasureBody, await read_json(request))
    return ErasedBody(erased_keys=await audit.custodian.erase(caller, wanted.subject))


@router.post(
    "/holds",
    status_code=201,
    response_model=HoldBody,
    response_model_exclude_none=True,
    responses=_REFUSED,
    openapi_extra=body_of(HoldRequest),
)
async def place(request: Request, caller: HoldPlacer, audit: Audit) -> JSONResponse:
    """Place a legal hold on a data subject or a whole tenant. The reason is stored encrypted."""
    wanted = checked(HoldRequest, await read_json(request))
    return _answer(await audit.custodian.hold(caller, wanted.subject, wanted.reason), 201)


@router.get("/holds", response_model=HoldsBody, response_model_exclude_none=True, responses=problems(401, 403, 503))
async def holds(caller: HoldReader, audit: Audit) -> HoldsBody:
    """List the tenant's legal holds: those in force first, then the newest."""
    return HoldsBody(holds=[_body(hold) for hold in await audit.custodian.holds(caller.tenant)])


@router.post(
    "/holds/{hold_id}/release",
    response_model=HoldBody,
    response_model_exclude_none=True,
    responses={
        202: {"model": HoldBody, "description": "Marked for release; a second person has to release it as well"},
        **problems(401, 403, 404, 409, 422, 503),
    },
)
async def release(hold_id: UUID, caller: HoldReleaser, audit: Audit) -> JSONResponse:
    """Release a legal hold. Dual control: two different persons have to request it."""
    hold = await audit.custodian.release(caller, hold_id)
    return _answer(hold, 200 if hold.state is HoldState.RELEASED else 202)


def _answer(hold: Hold, status: int) -> JSONResponse:
    return JSONResponse(_body(hold).model_dump(mode="json", exclude_none=True), status_code=status)


def _body(hold: Hold) -> HoldBody:
    return HoldBody(
        id=hold.id,
        state=hold.state.value,
        tenant_wide=hold.subject is None,
        subject=hold.subject,
        placed_at=hold.placed_at,
        placed_by=hold.placed_by,
        first_release_at=hold.first_release_at,
        first_release_by=hold.first_release_by,
        released_at=hold.released_at,
        released_by=hold.released_by,
    )
