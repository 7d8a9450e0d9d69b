"""Mapping of refusal kinds to HTTP: the only place with statuses (RFC 9457 problem details)."""

import math
from dataclasses import dataclass
from typing import Any

from fastapi.responses import JSONResponse

from domain.refusals import Kind, Nature, Refusal

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Shape:
    """HTTP status and title of a kind."""

    status: int
    title: str


SHAPES: dict[Kind, Shape] = {
    Kind.MISSING_TOKEN: Shape(401, "No access token"),
    Kind.INVALID_TOKEN: Shape(401, "Invalid access token"),
    Kind.EXPIRED_TOKEN: Shape(401, "Access token expired"),
    Kind.FORBIDDEN: Shape(403, "Not permitted for this caller"),
    Kind.INVALID_CLIENT: Shape(401, "Unknown client or wrong secret"),
    Kind.UNSUPPORTED_GRANT: Shape(400, "Only the grant type 'client_credentials' is supported"),
    Kind.NOT_FOUND: Shape(404, "Not found"),
    Kind.METHOD_NOT_ALLOWED: Shape(405, "Method not allowed"),
    Kind.MALFORMED_BODY: Shape(400, "Malformed request body"),
    Kind.UNSUPPORTED_MEDIA: Shape(415, "Unsupported media type"),
    Kind.BODY_TOO_LARGE: Shape(413, "Request body too large"),
    Kind.HEADERS_TOO_LARGE: Shape(431, "Request headers too large"),
    Kind.URL_TOO_LONG: Shape(414, "URL too long"),
    Kind.REQUEST_TIMEOUT: Shape(408, "Request did not arrive in time"),
    Kind.SERVER_BUSY: Shape(503, "Server at capacity"),
    Kind.RATE_LIMITED: Shape(429, "Too many requests"),
    Kind.IDEMPOTENCY_MISMATCH: Shape(422, "Idempotency key used with another request"),
    Kind.INVALID_REQUEST: Shape(422, "Invalid request"),
    Kind.UNKNOWN_MODEL: Shape(422, "Unknown model"),
    Kind.CONTEXT_EXCEEDED: Shape(422, "Request exceeds the model's context length"),
    Kind.UNSUPPORTED_CONTENT: Shape(422, "Content not supported by the model provider"),
    Kind.INVALID_CONTEXT: Shape(403, "Invalid signed start context"),
    Kind.EXPIRED_CONTEXT: Shape(403, "Signed start context expired"),
    Kind.UNKNOWN_POLICY: Shape(403, "Unknown policy"),
    Kind.UNPROVEN_STAGE: Shape(500, "A stage of the run is not proven"),
    Kind.UNAUTHENTICATED_PAYLOAD: Shape(422, "Payload failed authentication"),
    Kind.NOT_SEALED: Shape(409, "Not covered by a signed checkpoint yet"),
    Kind.PROMPT_BLOCKED: Shape(403, "Prompt blocked"),
    Kind.SENSITIVE_DATA_BLOCKED: Shape(403, "Prompt contains data that must not be sent to a model"),
    Kind.OUTPUT_BLOCKED: Shape(403, "Answer blocked"),
    Kind.REVIEW_UNAVAILABLE: Shape(403, "Human review required but not enabled"),
    Kind.PROVIDER_FILTERED: Shape(403, "Filtered by the model provider"),
    Kind.SCREENING_UNAVAILABLE: Shape(503, "Screening unavailable"),
    Kind.QUOTA_SPENT: Shape(429, "Token budget exhausted"),
    Kind.ALREADY_ADMITTED: Shape(409, "Another run of this ID admitted"),
    Kind.ALREADY_RECORDED: Shape(409, "Outcome recorded by an earlier run of this ID"),
    Kind.NOT_ADMITTED: Shape(500, "No reservation held for a model call"),
    Kind.LEGAL_HOLD: Shape(409, "Legal hold in force"),
    Kind.DUAL_CONTROL_NEEDED: Shape(409, "Second person required"),
    Kind.PROVIDER_UNAVAILABLE: Shape(502, "Model provider unreachable"),
    Kind.PROVIDER_TIMEOUT: Shape(504, "Model provider timed out"),
    Kind.PROVIDER_RATE_LIMITED: Shape(503, "Model provider at capacity"),
    Kind.PROVIDER_REJECTED: Shape(502, "Model provider rejected the call"),
    Kind.PROVIDER_GARBLED: Shape(502, "Unusable answer from the model provider"),
    Kind.UNREQUESTED_TOOL_CALL: Shape(502, "Model called a tool that the request does not offer"),
    Kind.STORE_UNAVAILABLE: Shape(503, "Database unavailable"),
    Kind.VAULT_UNAVAILABLE: Shape(503, "Key store unavailable"),
    Kind.ENGINE_UNAVAILABLE: Shape(503, "Workflow engine unavailable"),
    Kind.RUN_CANCELLED: Shape(409, "Run cancelled"),
    Kind.RUN_TERMINATED: Shape(502, "Run terminated"),
    Kind.INTERNAL: Shape(500, "Internal error"),
}

_DEFAULT_RETRY_AFTER = 5.0
_RETRY_MAY_HELP = frozenset(
    {Kind.RATE_LIMITED, Kind.NOT_SEALED, Kind.STORE_UNAVAILABLE, Kind.VAULT_UNAVAILABLE, Kind.ENGINE_UNAVAILABLE}
)


def problem_type(kind: Kind) -> str:
    """Return the problem's type, a URI that never changes."""
    return f"urn:assay:problem:{kind.value}"


def headers_for(kind: Kind, retry_after: float | None, *, final: bool) -> dict[str, str]:
    """Return the headers of a kind: ``Retry-After``, ``WWW-Authenticate`` and ``x-should-retry``."""
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
    """Return the problem as JSON. Extension members that are None are omitted."""
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
    """Build the response for a refusal. ``final``: repeating the request with the same key gives the same answer."""
    return JSONResponse(
        problem_body(refusal, **extensions),
        status_code=SHAPES[refusal.kind].status,
        headers=headers_for(refusal.kind, refusal.retry_after, final=final),
        media_type=MEDIA_TYPE,
    )
