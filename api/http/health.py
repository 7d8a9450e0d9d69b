"""Liveness, readiness and metrics."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from api.dependencies import readiness
from domain.ports import Dependency
from domain.refusals import Refusal

router = APIRouter(tags=["operation"])
_CHECK_SECONDS = 2.0
_NOTHING: list[str] = []


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Report that the process runs. Its servers are not checked."""
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"description": "A required server does not answer"}})
async def readyz(request: Request, exclude: Annotated[list[str], Query(max_length=8)] = _NOTHING) -> JSONResponse:
    """Report readiness: 200 if every server a request needs answers now, and every log is signed.

    `exclude` names checks that don't count, such as `log`: one tenant's damaged log stops no other's requests.
    """
    state = readiness(request)
    results = await asyncio.gather(*(_check(dependency) for dependency in state.dependencies))
    checks = {dependency.name: result for dependency, result in zip(state.dependencies, results, strict=True)}
    ready = state.services is not None and all(result == "ok" or name in exclude for name, result in checks.items())
    body = {"status": "ready" if ready else "unready", "checks": checks}
    return JSONResponse(body, status_code=200 if ready else 503, headers={} if ready else {"Retry-After": "2"})


async def _check(dependency: Dependency) -> str:
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            await dependency.check()
    except Refusal as refusal:
        return refusal.kind.value
    except TimeoutError:
        return "timeout"
    return "ok"


@router.get("/metrics", include_in_schema=False)
async def metrics(request: Request) -> Response:
    """Export Prometheus metrics by route, status and kind, never by caller or content."""
    return Response(generate_latest(request.app.state.metrics.registry), media_type=CONTENT_TYPE_LATEST)
