"""Middleware of every request: request ID, headers, metrics and one log line."""

import re
import time
from collections.abc import Callable
from typing import Any

import structlog
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.metrics import Metrics
from api.problems import problem_response
from api.wires.errors import error_response, wire_of
from domain.refusals import Kind, Refusal

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}\Z")
_ALWAYS = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)

log = structlog.get_logger("api.access")


class RequestFrame:
    """Gives each request an ID (a run's own, once known), headers, metrics and a log."""

    def __init__(
        self,
        app: ASGIApp,
        metrics: Metrics,
        random_tag: Callable[[], str],
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._random_tag = random_tag
        self._elapsed = elapsed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle an ASGI 3.0 connection. An uncaught error becomes a problem without details."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = self._elapsed()
        state: dict[str, Any] = scope.setdefault("state", {})
        own_id = f"req.{self._random_tag()}"
        state["request_id"] = own_id
        trace = _trace_of(scope)
        status = 0

        async def framed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *_headers(state, own_id, message["headers"], trace)]
            await send(message)

        try:
            with structlog.contextvars.bound_contextvars(**({"trace_id": trace[0]} if trace else {})):
                await self._app(scope, receive, framed)
        except Exception:
            log.exception("request failed unexpectedly")
            if status:
                raise
            refusal, wire = Refusal(Kind.INTERNAL, "internal error"), wire_of(Request(scope))
            response = problem_response(refusal) if wire is None else error_response(wire, refusal, own_id)
            await response(scope, receive, framed)
        finally:
            self._account(scope, state, own_id, status, self._elapsed() - began)

    def _account(self, scope: Scope, state: dict[str, Any], own_id: str, status: int, seconds: float) -> None:
        route = route_of(scope)
        self._metrics.requests.labels(scope["method"], route, status).inc()
        self._metrics.seconds.labels(route).observe(seconds)
        principal = state.get("principal")
        log.info(
            "request",
            method=scope["method"],
            route=route,
            status=status,
            ms=round(seconds * 1000, 1),
            id=state.get("run_id", own_id),
            **({"tenant": principal.tenant, "caller": principal.caller} if principal else {}),
        )


def request_id(request: Request) -> str:
    """Return the ID of a request as its response names it: the run's, once known."""
    return str(getattr(request.state, "run_id", request.state.request_id))


def route_of(scope: Scope) -> str:
    """Return the route's template: the path itself may contain caller data."""
    return str(getattr(scope.get("route"), "path", "unmatched"))


def _trace_of(scope: Scope) -> tuple[str, str] | None:
    """Return trace ID and parent ID of a valid ``traceparent`` (W3C Trace Context, level 1)."""
    values = [value.decode("latin-1") for name, value in scope["headers"] if name == b"traceparent"]
    match = _TRACEPARENT.match(values[0]) if len(values) == 1 else None
    return (match[1], match[2]) if match and match[1].strip("0") and match[2].strip("0") else None


def _headers(
    state: dict[str, Any], own_id: str, present: list[tuple[bytes, bytes]], trace: tuple[str, str] | None
) -> list[tuple[bytes, bytes]]:
    names = {name.lower() for name, _ in present}
    shown = str(state.get("run_id", own_id)).encode("latin-1", "replace")
    added = [(b"x-request-id", shown), (b"request-id", shown)]  # each for the SDKs of one service
    added += [header for header in _ALWAYS if header[0] not in names]
    added += [(name.lower().encode(), value.encode()) for name, value in state.get("rate_headers", {}).items()]
    if trace:
        added.append((b"traceresponse", f"00-{trace[0]}-{trace[1]}-00".encode()))
    return added
