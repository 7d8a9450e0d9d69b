"""Authentication and rights in a route's parameters: ``caller: PromptSubmitter`` is all that a route declares."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request

from api.dependencies import services
from domain.access.principals import Action, Principal
from domain.access.resources import Resource, ResourceKind
from domain.refusals import Kind, Refusal

_MAX_HEADER_CHARS = 8192


async def authenticate(request: Request) -> Principal:
    """Return the principal of the ``Authorization`` header (RFC 6750).

    Raises:
        Refusal: MISSING_TOKEN, INVALID_TOKEN, EXPIRED_TOKEN; ENGINE_UNAVAILABLE while the process is starting.
    """
    provided = await services(request)
    values = request.headers.getlist("authorization")
    if not values:
        raise Refusal(Kind.MISSING_TOKEN, "send 'Authorization: Bearer <access token>'")
    scheme, _, token = values[0].partition(" ")
    if len(values) > 1 or scheme.lower() != "bearer" or not token or len(token) > _MAX_HEADER_CHARS:
        raise Refusal(Kind.INVALID_TOKEN, "the Authorization header must be a single bearer token")
    principal = await provided.access.verifier.verify(token)
    request.state.principal = principal
    return principal


Authenticated = Annotated[Principal, Depends(authenticate)]


def may(action: Action, kind: ResourceKind) -> Callable[[Request, Principal], Awaitable[Principal]]:
    """Return a dependency that passes principals with the right to ``action`` on that resource kind."""

    async def check(request: Request, principal: Authenticated) -> Principal:
        provided = await services(request)
        await provided.access.decider.require(principal, action, Resource(principal.tenant, kind))
        return principal

    return check


PromptSubmitter = Annotated[Principal, Depends(may(Action.SUBMIT, ResourceKind.RUN))]
RunReader = Annotated[Principal, Depends(may(Action.READ_OWN_RUN, ResourceKind.RUN))]
RunCanceller = Annotated[Principal, Depends(may(Action.CANCEL_OWN_RUN, ResourceKind.RUN))]
AuditReader = Annotated[Principal, Depends(may(Action.READ_AUDIT, ResourceKind.RECORD))]
LogReader = Annotated[Principal, Depends(may(Action.READ_LOG, ResourceKind.LOG))]
Eraser = Annotated[Principal, Depends(may(Action.ERASE, ResourceKind.DATA_SUBJECT))]
HoldReader = Annotated[Principal, Depends(may(Action.READ_HOLDS, ResourceKind.HOLD))]
HoldPlacer = Annotated[Principal, Depends(may(Action.PLACE_HOLD, ResourceKind.HOLD))]
HoldReleaser = Annotated[Principal, Depends(may(Action.RELEASE_HOLD, ResourceKind.HOLD))]
