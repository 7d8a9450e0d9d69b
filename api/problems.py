"""Kinds to HTTP: the only place where a refusal becomes a status (RFC 9457 problem details)."""

import math
from dataclasses import dataclass
from typing import Any

from fastapi.responses import JSONResponse

from domain.refusals import Kind, Nature, Refusal

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Shape:
    """How a kind looks from outside."""

    status: int
    title: str


SHAPES: dict[Kind, Shape] = {
    Kind.MISSING_TOKEN: Shape(401, "No access token"),
    Kind.INVALID_TOKEN: Shape(401, "The access token is not valid"),
    Kind.EXPIRED_TOKEN: Shape(401, "The access token has expired"),
    Kind.FORBIDDEN: Shape(403, "Not allowed for this caller"),
    Kind.INVALID_CLIENT: Shape(401, "The client is not known or its secret is wrong"),
    Kind.UNSUPPORTED_GRANT: Shape(400, "Only the grant 'client_credentials' is supported"),
    Kind.NOT_FOUND: Shape(404, "Not found"),
    Kind.METHOD_NOT_ALLOWED: Shape(405, "The method is not allowed here"),
    Kind.MALFORMED_BODY: Shape(400, "The body can't be read"),
    Kind.UNSUPPORTED_MEDIA: Shape(415, "The body's media type is not supported"),
    Kind.BODY_TOO_LARGE: Shape(413, "The body is too large"),
    Kind.RATE_LIMITED: Shape(429, "Too many requests"),
    Kind.IDEMPOTENCY_MISMATCH: Shape(422, "The idempotency key was used with another body"),
    Kind.INVALID_REQUEST: Shape(422, "The request is not valid"),
    Kind.UNKNOWN_MODEL: Shape(422, "The model is not known or not granted"),
    Kind.CONTEXT_EXCEEDED: Shape(422, "The request is longer than the model's context"),
    Kind.INVALID_CONTEXT: Shape(403, "The start's signed context does not hold"),
    Kind.EXPIRED_CONTEXT: Shape(403, "The start's signed context has expired"),
    Kind.UNKNOWN_POLICY: Shape(403, "The run's policy is not known"),
    Kind.UNAUTHENTICATED_PAYLOAD: Shape(422, "A payload does not authenticate"),
    Kind.NOT_SEALED: Shape(409, "No signed checkpoint covers the event yet"),
    Kind.PROMPT_BLOCKED: Shape(403, "The prompt was blocked"),
    Kind.SENSITIVE_DATA_BLOCKED: Shape(403, "The prompt holds data that may not be sent"),
    Kind.OUTPUT_BLOCKED: Shape(403, "The answer was blocked"),
    Kind.REVIEW_UNAVAILABLE: Shape(403, "The request needs a review"),
    Kind.SCREENING_UNAVAILABLE: Shape(503, "The screening could not run"),
    Kind.QUOTA_SPENT: Shape(429, "The token budget is spent"),
    Kind.LEGAL_HOLD: Shape(409, "A legal hold stands"),
    Kind.SECOND_PERSON_NEEDED: Shape(409, "Another person has to release it"),
    Kind.PROVIDER_UNAVAILABLE: Shape(502, "The model's provider can't be reached"),
    Kind.PROVIDER_TIMEOUT: Shape(504, "The model's provider did not answer in time"),
    Kind.PROVIDER_RATE_LIMITED: Shape(503, "The model's provider has no capacity at present"),
    Kind.PROVIDER_REJECTED: Shape(502, "The model's provider rejected the call"),
    Kind.PROVIDER_GARBLED: Shape(502, "The model's provider gave no usable answer"),
    Kind.STORE_UNAVAILABLE: Shape(503, "A store is away"),
    Kind.VAULT_UNAVAILABLE: Shape(503, "The vault is away"),
    Kind.ENGINE_UNAVAILABLE: Shape(503, "The workflow engine is away"),
    Kind.RUN_CANCELLED: Shape(409, "The run was cancelled"),
    Kind.RUN_TERMINATED: Shape(502, "The run was ended from outside"),
    Kind.INTERNAL: Shape(500, "Something of ours failed"),
}

_DEFAULT_RETRY_AFTER = 5.0
_RETRY_MAY_HELP = frozenset(
    {Kind.RATE_LIMITED, Kind.NOT_SEALED, Kind.STORE_UNAVAILABLE, Kind.VAULT_UNAVAILABLE, Kind.ENGINE_UNAVAILABLE}
)


def problem_type(kind: Kind) -> str:
    """The problem's type, stable for ever."""
    return f"urn:assay:problem:{kind.value}"


def headers_for(kind: Kind, retry_after: float | None, *, final: bool) -> dict[str, str]:
    """Headers that go with a kind: when to come back, how to authenticate, and whether trying again is any use."""
    headers: dict[str, str] = {}
    status = SHAPES[kind].status
    if retry_after is None and status == 503:  # noqa: PLR2004 - the status itself
        retry_after = _DEFAULT_RETRY_AFTER
    if retry_after is not None:
        headers["Retry-After"] = str(max(1, math.ceil(retry_after)))
    if status == 401:  # noqa: PLR2004 - the status itself
        error = "" if kind is Kind.MISSING_TOKEN else ', error="invalid_token"'
        headers["WWW-Authenticate"] = f'Bearer realm="assay"{error}'
    if final or not (kind in _RETRY_MAY_HELP or kind.nature is Nature.FAULT):
        headers["x-should-retry"] = "false"
    return headers


def problem_body(refusal: Refusal, **extensions: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    """The problem as JSON. Extension members that are None are left out."""
    shape = SHAPES[refusal.kind]
    body = {
        "type": problem_type(refusal.kind),
        "title": shape.title,
        "status": shape.status,
        "detail": refusal.detail,
        "field": refusal.field,
        **extensions,
    }
    return {name: value for name, value in body.items() if value is not None}


def problem_response(refusal: Refusal, *, final: bool = False, **extensions: Any) -> JSONResponse:  # noqa: ANN401 - any JSON
    """The response for a refusal. ``final``: trying again with the same key gives the same answer."""
    return JSONResponse(
        problem_body(refusal, **extensions),
        status_code=SHAPES[refusal.kind].status,
        headers=headers_for(refusal.kind, refusal.retry_after, final=final),
        media_type=MEDIA_TYPE,
    )
