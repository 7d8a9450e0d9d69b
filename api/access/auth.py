"""Authentication and rights in a route's parameters: ``caller: PromptSubmitter`` is all that a route declares."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request

from api.dependencies import services
from domain.access.api_keys import is_key_like
from domain.access.principals import Action, Principal
from domain.access.resources import Resource, ResourceKind
from domain.refusals import Kind, Refusal

KEY_HEADERS = ("x-api-key", "api-key")
"""Headers with a credential alone, as clients of Anthropic and Azure send it."""
_MAX_HEADER_CHARS = 8192


def credential_of(request: Request) -> str:
    """Return the access token or API key, of ``Authorization`` (RFC 6750) or another service's header.

    Raises:
        Refusal: MISSING_TOKEN; INVALID_TOKEN, also for two that differ, since a proxy may have checked the other.
    """
    headers = request.headers
    found = [token for name in KEY_HEADERS for token in headers.getlist(name)]
    for value in headers.getlist("authorization"):
        scheme, _, token = value.partition(" ")
        found.append(token if scheme.lower() == "bearer" else "")
    if not found:
        raise Refusal(Kind.MISSING_TOKEN, "send 'Authorization: Bearer <access token or API key>'")
    if len(headers.getlist("authorization")) > 1 or len(set(found)) > 1:
        raise Refusal(Kind.INVALID_TOKEN, "there must be a single credential")
    token = found[0]
    if not token or len(token) > _MAX_HEADER_CHARS:
        raise Refusal(Kind.INVALID_TOKEN, "the credential must be a bearer token")
    return token


async def authenticate(request: Request) -> Principal:
    """Return the principal of the credential: see ``credential_of``.

    Raises:
        Refusal: MISSING_TOKEN, INVALID_TOKEN, EXPIRED_TOKEN; RATE_LIMITED for too many wrong API keys;
            ENGINE_UNAVAILABLE while the process is starting.
    """
    access = (await services(request)).access
    credential = credential_of(request)
    if is_key_like(credential):
        principal = await access.keys.authentication.principal(
            credential, request.client.host if request.client else ""
        )
    else:
        principal = await access.verifier.verify(credential)
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
OwnKeyManager = Annotated[Principal, Depends(may(Action.MANAGE_OWN_KEYS, ResourceKind.API_KEY))]
HoldReleaser = Annotated[Principal, Depends(may(Action.RELEASE_HOLD, ResourceKind.HOLD))]
