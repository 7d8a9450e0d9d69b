"""``/codec``: Temporal's remote codec protocol for its UI and CLI, and browser sessions."""

import json
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from api.codec.auth import COOKIE, SESSION_PATH, PayloadReader, TicketBuyer
from api.dependencies import Codec
from api.http.body import checked, read_json
from api.http.headers import only_one, parameters_once
from api.http.openapi import body_of, problems
from api.http.schemas import PayloadsBody, TicketBody, TicketRequest
from domain.identity import tenant_of_run
from domain.refusals import Kind, Refusal

router = APIRouter(prefix=SESSION_PATH, tags=["codec"], dependencies=[Depends(parameters_once)])

DECODE_BODY_BYTES = 4 * 1024 * 1024
"""Maximum body size of ``decode``: Temporal stores payloads up to 2 MiB, sent in base64."""
_KeepReferences = Annotated[
    bool, Query(alias="preserveStorageRefs", description="Leave references to large payloads unresolved.")
]
_Namespace = Annotated[str | None, Header(alias="X-Namespace", description="Namespace the payloads were found in.")]


@router.post(
    "/decode",
    response_model=PayloadsBody,
    responses=problems(400, 401, 403, 413, 415, 422, 503),
    openapi_extra=body_of(PayloadsBody),
)
@router.post(
    "/download",
    response_model=PayloadsBody,
    responses=problems(400, 401, 403, 413, 415, 422, 503),
    openapi_extra=body_of(PayloadsBody),
)
async def decode(
    request: Request,
    caller: PayloadReader,
    codec: Codec,
    namespace: _Namespace = None,
    keep_references: _KeepReferences = False,
) -> Response:
    """Decode payloads for auditors and admins of the tenant. The access is recorded before the response.

    Payloads of other encodings are returned unchanged, references to large payloads are resolved. A payload that fails
    authentication, or belongs to another tenant, causes the whole request to be refused.
    """
    only_one(request, "X-Namespace")
    sent = checked(PayloadsBody, await read_json(request))
    opened = await codec.decoder.decode(caller, sent.payloads, namespace, keep_references=keep_references)
    return Response(json.dumps({"payloads": opened}), media_type="application/json")


@router.post(
    "/encode", response_model=PayloadsBody, responses=problems(401, 403, 503), openapi_extra=body_of(PayloadsBody)
)
async def encode(caller: PayloadReader) -> Response:
    """Always refused: a payload is encrypted for one run, which this protocol does not name."""
    del caller
    raise Refusal(Kind.FORBIDDEN, "this endpoint only decodes; start runs by POST /v1/inferences")


@router.post(
    "/tickets",
    status_code=201,
    response_model=TicketBody,
    responses=problems(400, 401, 403, 404, 413, 415, 422, 503),
    openapi_extra=body_of(TicketRequest),
)
async def ticket(request: Request, caller: TicketBuyer, codec: Codec) -> JSONResponse:
    """Create a link, valid once for a minute, that opens a session in Temporal's UI."""
    _ui_origin(codec)
    wanted = checked(TicketRequest, await read_json(request))
    if wanted.run is not None and tenant_of_run(wanted.run) != caller.tenant:
        raise Refusal(Kind.INVALID_REQUEST, "must be the ID of a run of the caller's tenant", field="run")
    bought = await codec.sessions.ticket(caller, wanted.run)
    body = TicketBody(
        location=f"{SESSION_PATH}/session?ticket={bought}",
        expires_in=codec.sessions.ticket_seconds,
        session_seconds=codec.session_seconds,
    )
    return JSONResponse(body.model_dump(), status_code=201)


@router.get(
    "/session",
    status_code=303,
    response_class=RedirectResponse,
    responses={303: {"description": "Session opened; redirect to Temporal's UI"}, **problems(401, 404, 422, 503)},
)
async def session(ticket: Annotated[str, Query(max_length=8192)], codec: Codec) -> RedirectResponse:
    """Redeem a ticket: set the session's cookie, which is limited to this path."""
    origin = _ui_origin(codec)
    opened = await codec.sessions.open(ticket)
    page = f"{origin}/namespaces/{codec.namespace}/workflows"
    response = RedirectResponse(page if opened.run is None else f"{page}/{opened.run}", status_code=303)
    response.set_cookie(
        COOKIE,
        opened.token,
        max_age=opened.seconds,
        path=SESSION_PATH,
        secure=codec.secure_cookie,
        httponly=True,
        samesite="strict",
    )
    return response


def _ui_origin(codec: Codec) -> str:
    origin = codec.ui_origin
    if origin is None:
        raise Refusal(Kind.NOT_FOUND, "no Temporal UI is configured")
    return origin
