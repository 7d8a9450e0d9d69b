"""Authentication of payload readers: an access token, or a session that is accepted here only.

A browser sends the session's cookie by itself. It is therefore accepted only from the configured UI: the request must
carry its exact origin, which no script can forge, and JSON, which no cross-site form can send.
"""

from typing import Annotated

from fastapi import Depends, Request
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from api.access.auth import Authenticated, authenticate
from api.dependencies import Access, Codec
from api.edge.refusals import leave_unrecorded
from domain.access.principals import Action, Principal
from domain.access.resources import Resource, ResourceKind
from domain.refusals import Kind, Refusal

SESSION_PATH = "/codec"
COOKIE = "assay-codec"
_HEADERS = ("content-type", "x-namespace", "authorization", "authorization-extras")


class CodecCors:
    """Permits the configured UI's pages alone to read responses of ``/codec`` (Fetch standard, CORS protocol)."""

    def __init__(self, app: ASGIApp, origin: str | None) -> None:
        self._app = app
        self._shared = app
        if origin is not None:
            self._shared = CORSMiddleware(
                app,
                allow_origins=(origin,),
                allow_methods=("POST", "OPTIONS"),
                allow_headers=_HEADERS,
                allow_credentials=True,
            )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle an ASGI 3.0 connection."""
        shared = scope["type"] == "http" and scope["path"].startswith(f"{SESSION_PATH}/")
        await (self._shared if shared else self._app)(scope, receive, send)


async def _payload_reader(request: Request, access: Access, codec: Codec) -> Principal:
    """Return the principal that may read payloads.

    Raises:
        Refusal: MISSING_TOKEN, INVALID_TOKEN, EXPIRED_TOKEN, FORBIDDEN.
    """
    if "authorization" in request.headers:
        principal = await authenticate(request)
    else:
        principal = await _of_session(request, codec)
        request.state.principal = principal
    await access.decider.require(principal, Action.DECODE_PAYLOAD, Resource(principal.tenant, ResourceKind.PAYLOAD))
    return principal


async def _of_session(request: Request, codec: Codec) -> Principal:
    token = request.cookies.get(COOKIE)
    if token is None:
        leave_unrecorded(request)  # each page of a UI without a session sends dozens of these
        raise Refusal(Kind.MISSING_TOKEN, "send 'Authorization: Bearer <access token>', or open the UI by 'assay ui'")
    origin = codec.ui_origin
    if origin is None or request.headers.getlist("origin") != [origin]:
        raise Refusal(Kind.FORBIDDEN, "a session is accepted for requests from the configured UI only")
    try:
        return await codec.sessions.principal(token)
    except Refusal as refusal:
        if refusal.kind is Kind.EXPIRED_TOKEN:
            leave_unrecorded(request)
            raise Refusal(Kind.EXPIRED_TOKEN, "the session has ended: 'assay ui' opens another") from None
        raise


async def _ticket_buyer(principal: Authenticated, access: Access) -> Principal:
    """Return a payload reader with an access token: a session can't create another session."""
    await access.decider.require(principal, Action.DECODE_PAYLOAD, Resource(principal.tenant, ResourceKind.PAYLOAD))
    return principal


PayloadReader = Annotated[Principal, Depends(_payload_reader)]
TicketBuyer = Annotated[Principal, Depends(_ticket_buyer)]
