"""Refusals in the forms that clients of other services read: one table of kinds, by format.

Statuses are those on which the clients stop (``docs/compatibility.md``): a refusal is 400, since they take 403 for a
bad credential, and repeat requests after 409 and 422.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from fastapi import Request
from fastapi.responses import JSONResponse

from api.problems import SHAPES, headers_for
from domain.refusals import Kind, Nature, Refusal

DEFAULT_RETRY_AFTER: Final = 5.0


class ClientWire(StrEnum):
    """Formats of clients: chat completions and responses by OpenAI, messages by Anthropic."""

    CHAT = "chat"
    RESPONSES = "responses"
    MESSAGES = "messages"


@dataclass(frozen=True, slots=True)
class WireError:
    """The status of an error, its type and its code. Messages have no code."""

    status: int
    type: str
    code: str | None


_FILTER: Final = (400, "content_filter")
_UNAVAILABLE: Final = (503, "service_unavailable")
_CODES: Final[Mapping[Kind, tuple[int, str]]] = MappingProxyType(
    {
        Kind.MISSING_TOKEN: (401, "invalid_api_key"),
        Kind.INVALID_TOKEN: (401, "invalid_api_key"),
        Kind.EXPIRED_TOKEN: (401, "invalid_api_key"),
        Kind.INVALID_CLIENT: (401, "invalid_api_key"),
        Kind.FORBIDDEN: (400, "permission_denied"),
        Kind.UNSUPPORTED_GRANT: (400, "unsupported_grant"),
        Kind.NOT_FOUND: (404, "not_found"),
        Kind.METHOD_NOT_ALLOWED: (405, "method_not_allowed"),
        Kind.MALFORMED_BODY: (400, "malformed_body"),
        Kind.UNSUPPORTED_MEDIA: (400, "unsupported_media_type"),
        Kind.BODY_TOO_LARGE: (413, "request_too_large"),
        Kind.HEADERS_TOO_LARGE: (431, "headers_too_large"),
        Kind.URL_TOO_LONG: (414, "url_too_long"),
        Kind.REQUEST_TIMEOUT: (408, "request_timeout"),
        Kind.SERVER_BUSY: _UNAVAILABLE,
        Kind.RATE_LIMITED: (429, "rate_limit_exceeded"),
        Kind.IDEMPOTENCY_MISMATCH: (400, "idempotency_mismatch"),
        Kind.INVALID_REQUEST: (400, "invalid_request"),
        Kind.UNKNOWN_MODEL: (404, "model_not_found"),
        Kind.CONTEXT_EXCEEDED: (400, "context_length_exceeded"),
        Kind.UNSUPPORTED_CONTENT: (400, "unsupported_content"),
        Kind.INVALID_CONTEXT: (400, "invalid_context"),
        Kind.EXPIRED_CONTEXT: (400, "expired_context"),
        Kind.UNKNOWN_POLICY: (400, "unknown_policy"),
        Kind.UNPROVEN_STAGE: (500, "unproven_stage"),
        Kind.UNAUTHENTICATED_PAYLOAD: (400, "unauthenticated_payload"),
        Kind.NOT_SEALED: (503, "not_sealed"),
        Kind.PROMPT_BLOCKED: _FILTER,
        Kind.SENSITIVE_DATA_BLOCKED: _FILTER,
        Kind.OUTPUT_BLOCKED: _FILTER,
        Kind.REVIEW_UNAVAILABLE: _FILTER,
        Kind.PROVIDER_FILTERED: _FILTER,
        Kind.SCREENING_UNAVAILABLE: _UNAVAILABLE,
        Kind.QUOTA_SPENT: (429, "insufficient_quota"),
        Kind.ALREADY_ADMITTED: (400, "already_admitted"),
        Kind.ALREADY_RECORDED: (400, "already_recorded"),
        Kind.NOT_ADMITTED: (500, "not_admitted"),
        Kind.LEGAL_HOLD: (400, "legal_hold"),
        Kind.DUAL_CONTROL_NEEDED: (400, "second_person_needed"),
        Kind.PROVIDER_UNAVAILABLE: (503, "provider_unavailable"),
        Kind.PROVIDER_TIMEOUT: (503, "provider_timeout"),
        Kind.PROVIDER_RATE_LIMITED: (503, "provider_overloaded"),
        Kind.PROVIDER_REJECTED: (503, "provider_rejected"),
        Kind.PROVIDER_GARBLED: (503, "provider_garbled"),
        Kind.UNREQUESTED_TOOL_CALL: (503, "unrequested_tool_call"),
        Kind.STORE_UNAVAILABLE: _UNAVAILABLE,
        Kind.VAULT_UNAVAILABLE: _UNAVAILABLE,
        Kind.ENGINE_UNAVAILABLE: _UNAVAILABLE,
        Kind.RUN_CANCELLED: (400, "run_cancelled"),
        Kind.RUN_TERMINATED: (500, "run_terminated"),
        Kind.INTERNAL: (500, "internal_error"),
    }
)
_OPENAI_TYPES: Final[Mapping[int, str]] = MappingProxyType(
    {401: "authentication_error", 429: "rate_limit_error", 500: "server_error", 503: "server_error"}
)
_ANTHROPIC_TYPES: Final[Mapping[int, str]] = MappingProxyType(
    {
        401: "authentication_error",
        404: "not_found_error",
        413: "request_too_large",
        429: "rate_limit_error",
        500: "api_error",
        503: "api_error",
    }
)
_OTHERWISE: Final = "invalid_request_error"


def _openai(kind: Kind) -> WireError:
    status, code = _CODES[kind]
    named = "insufficient_quota" if kind is Kind.QUOTA_SPENT else _OPENAI_TYPES.get(status, _OTHERWISE)
    return WireError(status, named, code)


def _anthropic(kind: Kind) -> WireError:
    status = _CODES[kind][0]
    return WireError(status, _ANTHROPIC_TYPES.get(status, _OTHERWISE), None)


ERRORS: Final[Mapping[ClientWire, Mapping[Kind, WireError]]] = MappingProxyType(
    {
        ClientWire.CHAT: MappingProxyType({kind: _openai(kind) for kind in Kind}),
        ClientWire.RESPONSES: MappingProxyType({kind: _openai(kind) for kind in Kind}),
        ClientWire.MESSAGES: MappingProxyType({kind: _anthropic(kind) for kind in Kind}),
    }
)
"""The error of every kind, by format."""


@dataclass(frozen=True, slots=True)
class RunOfError:
    """The run that ended in an error: its ID, the rules that matched, and its body for the member ``assay``."""

    id: str
    rules: Sequence[str]
    body: Mapping[str, Any]


def wire_of(request: Request) -> ClientWire | None:
    """Return the format of a request by its path and headers. None for Assay's own routes."""
    path = request.scope["path"]
    if path == "/v1/messages" or path.startswith("/v1/messages/"):
        return ClientWire.MESSAGES
    if path == "/v1/models" or path.startswith("/v1/models/"):
        return ClientWire.MESSAGES if "anthropic-version" in request.headers else ClientWire.CHAT
    if path == "/v1/responses" or path.startswith("/v1/responses/"):
        return ClientWire.RESPONSES
    return ClientWire.CHAT if path == "/v1/chat/completions" or alternative(path) else None


_INSTEAD: Final[Mapping[str, str]] = MappingProxyType(
    {
        "/chat/completions": "the base URL must end in /v1",
        "/models": "the base URL must end in /v1",
        "/responses": "the base URL must end in /v1",
        **{
            f"/v1/{name}": "not available; use POST /v1/chat/completions or POST /v1/responses"
            for name in ("completions", "realtime", "batches", "assistants", "threads")
        },
        "/v1/messages/batches": "not available; use POST /v1/messages",
        **{
            f"/v1/{name}": "not available; this gateway serves POST /v1/chat/completions and GET /v1/models"
            for name in ("embeddings", "moderations", "files", "uploads", "images", "audio", "fine_tuning")
        },
    }
)


def alternative(path: str) -> str | None:
    """Return the advice for a missing route of the clients. None for other paths."""
    return next((said for known, said in _INSTEAD.items() if path == known or path.startswith(f"{known}/")), None)


@dataclass(frozen=True, slots=True)
class ErrorContent:
    """An error in a client's format.

    Attributes:
        error: its status, type and code.
        message: its text, which stands alone: clients show nothing else.
        body: its JSON, as the body of a response.
        kind: the refusal's; None for a run that has not ended.
    """

    error: WireError
    message: str
    body: Mapping[str, Any]
    kind: Kind | None


def error_content(wire: ClientWire, refusal: Refusal, request_id: str, run: RunOfError | None = None) -> ErrorContent:
    """Return a refusal in the format's shape."""
    found, message = ERRORS[wire][refusal.kind], _message(refusal, run)
    return ErrorContent(found, message, _body(wire, found, message, refusal.field, request_id, run), refusal.kind)


def unfinished_content(wire: ClientWire, run: RunOfError) -> ErrorContent:
    """Return the error for a run that has not ended: clients take 202 for an answer."""
    found = WireError(400, _OTHERWISE, None if wire is ClientWire.MESSAGES else "run_in_progress")
    said = f"The run has not ended. Read it at GET /v1/inferences/{run.id}, or repeat the request within ten minutes."
    return ErrorContent(found, said, _body(wire, found, said, None, run.id, run), None)


def error_response(wire: ClientWire, refusal: Refusal, request_id: str, run: RunOfError | None = None) -> JSONResponse:
    """Build the response for a refusal, in the format's shape."""
    content = error_content(wire, refusal, request_id, run)
    headers = _headers(refusal, content.error, final=run is not None)
    return _response(wire, content, headers)


def unfinished_response(wire: ClientWire, run: RunOfError) -> JSONResponse:
    """Build the response for a run that has not ended."""
    return _response(wire, unfinished_content(wire, run), {"x-should-retry": "false"})


def _response(wire: ClientWire, content: ErrorContent, headers: Mapping[str, str]) -> JSONResponse:
    """Build the response of an error. Codex shows the body of a response as it is: the run's is left out there."""
    body = {"error": content.body["error"]} if wire is ClientWire.RESPONSES else content.body
    return JSONResponse(body, status_code=content.error.status, headers=dict(headers))


def _body(
    wire: ClientWire, found: WireError, message: str, field: str | None, request_id: str, run: RunOfError | None
) -> dict[str, Any]:
    body: dict[str, Any]
    if wire is ClientWire.MESSAGES:
        body = {"type": "error", "error": {"type": found.type, "message": message}, "request_id": request_id}
    else:
        body = {"error": {"message": message, "type": found.type, "param": field or None, "code": found.code}}
    if run is not None:
        body["assay"] = dict(run.body)
    return body


def _message(refusal: Refusal, run: RunOfError | None) -> str:
    said = f"{SHAPES[refusal.kind].title}: {refusal.field + ' ' if refusal.field else ''}{refusal.detail}."
    if run is None:
        return said
    rules = f" Rules: {', '.join(run.rules)}." if run.rules else ""
    return f"{said}{rules} Run: {run.id}."


def _headers(refusal: Refusal, found: WireError, *, final: bool) -> dict[str, str]:
    """Return the headers of an error. ``final``: a run has ended, in which a passing fault was retried already."""
    kind, wait = refusal.kind, refusal.retry_after
    headers = {
        name: value
        for name, value in headers_for(kind, wait, final=final).items()
        if name in ("WWW-Authenticate", "x-should-retry")
    }
    if kind is Kind.QUOTA_SPENT or kind.nature is Nature.POLICY:
        headers["x-should-retry"] = "false"
    if wait is None and found.status == 503:  # noqa: PLR2004 - the status itself
        wait = DEFAULT_RETRY_AFTER
    if wait is not None:
        headers["Retry-After"] = str(max(1, math.ceil(wait)))
    if kind is Kind.RATE_LIMITED and wait is not None:
        headers["retry-after-ms"] = str(max(1, math.ceil(wait * 1000)))
    return headers
