"""FastAPI application: routes, problem details and middleware."""

from collections.abc import Callable

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from api.access import key_routes, oauth
from api.audit import custody_routes
from api.audit import routes as audit_routes
from api.codec import routes as codec_routes
from api.codec.auth import CodecCors
from api.dependencies import Readiness
from api.edge.refusals import record_refusal
from api.http import health
from api.http.body_sizes import BodyLimit, BodySizes
from api.http.metrics import Metrics
from api.http.middleware import RequestFrame, request_id
from api.http.openapi import describe
from api.inference import inferences, predict
from api.problems import SHAPES, problem_response
from api.wires import models
from api.wires.chat import routes as chat_routes
from api.wires.errors import alternative, error_response, wire_of
from api.wires.messages import routes as messages_routes
from api.wires.responses import routes as response_routes
from api.wires.responses import stored_routes
from assay_temporal.keyring import KeyUnavailable
from domain.refusals import Kind, Refusal

_HTTP_KINDS = {404: Kind.NOT_FOUND, 405: Kind.METHOD_NOT_ALLOWED}


def build_app(
    readiness: Readiness,
    metrics: Metrics,
    max_body_bytes: int,
    random_tag: Callable[[], str],
    ui_origin: str | None = None,
    max_conversation_bytes: int | None = None,
) -> FastAPI:
    """Build the application. Pages of ``ui_origin`` may read ``/codec``.

    ``readiness`` is filled while the process starts. ``max_conversation_bytes`` is by default that of other bodies.
    """
    app = FastAPI(
        title="Assay",
        version="0.1.0",
        summary="A security gateway for AI requests, built on Temporal",
        redirect_slashes=False,
        docs_url=None,  # FastAPI's pages load scripts from other hosts
        redoc_url=None,
    )
    app.state.readiness = readiness
    app.state.metrics = metrics
    clients = (chat_routes, response_routes, stored_routes, messages_routes, models)
    operators = (audit_routes, custody_routes, key_routes)
    for group in (inferences, *clients, predict, *operators, oauth, codec_routes, health):
        app.include_router(group.router)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign] # FastAPI's documented way to extend it
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(KeyUnavailable, _without_key)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(ClientDisconnect, _body_ended)
    app.add_middleware(BodyLimit, sizes=BodySizes(max_body_bytes, max_conversation_bytes or max_body_bytes))
    app.add_middleware(CodecCors, origin=ui_origin)
    app.add_middleware(RequestFrame, metrics=metrics, random_tag=random_tag)
    return app


async def _refused(request: Request, error: Exception) -> Response:
    refusal = error if isinstance(error, Refusal) else Refusal(Kind.INTERNAL, "internal error")
    wire = wire_of(request)
    response = problem_response(refusal) if wire is None else error_response(wire, refusal, request_id(request))
    record_refusal(request, refusal, response.status_code)
    return response


async def _without_key(request: Request, error: Exception) -> Response:
    gone = isinstance(error, KeyUnavailable) and error.gone
    if gone:
        return await _refused(
            request, Refusal(Kind.FORBIDDEN, "the tenant has no key: it was not created, or was erased")
        )
    return await _refused(request, Refusal(Kind.VAULT_UNAVAILABLE, "the key store did not answer", retry_after=2))


async def _http_error(request: Request, error: Exception) -> Response:
    kind = _HTTP_KINDS.get(getattr(error, "status_code", 500), Kind.MALFORMED_BODY)
    advice = alternative(request.scope["path"]) if kind is Kind.NOT_FOUND else None
    response = await _refused(request, Refusal(kind, advice or SHAPES[kind].title.lower()))
    response.headers.update(getattr(error, "headers", None) or {})
    return response


async def _body_ended(request: Request, error: Exception) -> Response:
    """Account for a client that closed its connection in its body (RFC 9112 section 8). The response is never read."""
    del error
    return await _refused(request, Refusal(Kind.MALFORMED_BODY, "the body ended early"))


async def _invalid(request: Request, error: Exception) -> Response:
    errors = error.errors() if isinstance(error, RequestValidationError) else [{"loc": ()}]
    field = ".".join(str(part) for part in errors[0]["loc"][1:])
    return await _refused(request, Refusal(Kind.INVALID_REQUEST, "is invalid", field=field))
