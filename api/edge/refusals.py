"""Refusals before a run starts: counted, and passed to the recorder."""

from fastapi import Request

from api.http.middleware import route_of
from api.problems import SHAPES
from domain.refusals import Refusal

_RECORDED = frozenset({401, 403, 422, 429})


def leave_unrecorded(request: Request) -> None:
    """Mark a request's refusal as counted but not recorded: it is unauthenticated and frequent."""
    request.state.unrecorded = True


def record_refusal(request: Request, refusal: Refusal, status: int) -> None:
    """Count a refusal, and pass it to the recorder if its kind is recorded. ``status`` is the one sent."""
    request.app.state.metrics.refusals.labels(refusal.kind.value).inc()
    services = request.app.state.readiness.services
    if services is None or SHAPES[refusal.kind].status not in _RECORDED or getattr(request.state, "unrecorded", False):
        return
    services.edge.offer(
        refusal,
        getattr(request.state, "principal", None),
        method=request.method,
        route=route_of(request.scope),
        status=status,
        source=request.client.host if request.client else "",
    )
