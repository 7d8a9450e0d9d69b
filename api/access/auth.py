"""Who asks: rights stand in a route's parameters. ``caller: PromptSubmitter`` is all that a route writes."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request

from api.dependencies import services
from domain.access.principals import Action, Principal, require_action
from domain.refusals import Kind, Refusal

_MAX_HEADER_CHARS = 8192


async def authenticate(request: Request) -> Principal:
    """The principal behind the ``Authorization`` header (RFC 6750).

    Raises:
        Refusal: MISSING_TOKEN, INVALID_TOKEN, EXPIRED_TOKEN; ENGINE_UNAVAILABLE while the process is starting.
    """
    provided = await services(request)
    values = request.headers.getlist("authorization")
    if not values:
        raise Refusal(Kind.MISSING_TOKEN, "send 'Authorization: Bearer <access token>'")
    scheme, _, token = values[0].partition(" ")
    if len(values) > 1 or scheme.lower() != "bearer" or not token or len(token) > _MAX_HEADER_CHARS:
        raise Refusal(Kind.INVALID_TOKEN, "the Authorization header is not one bearer token")
    principal = await provided.verifier.verify(token)
    request.state.principal = principal
    return principal


Authenticated = Annotated[Principal, Depends(authenticate)]


def may(action: Action) -> Callable[[Principal], Awaitable[Principal]]:
    """A dependency that passes principals with a role for ``action``."""

    async def check(principal: Authenticated) -> Principal:
        require_action(principal.roles, action)
        return principal

    return check


PromptSubmitter = Annotated[Principal, Depends(may(Action.SUBMIT))]
RunReader = Annotated[Principal, Depends(may(Action.READ_OWN_RUN))]
Eraser = Annotated[Principal, Depends(may(Action.ERASE))]
HoldReader = Annotated[Principal, Depends(may(Action.READ_HOLDS))]
HoldPlacer = Annotated[Principal, Depends(may(Action.PLACE_HOLD))]
HoldReleaser = Annotated[Principal, Depends(may(Action.RELEASE_HOLD))]
RunCanceller = Annotated[Principal, Depends(may(Action.CANCEL_OWN_RUN))]
