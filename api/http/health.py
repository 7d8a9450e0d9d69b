"""Is the process alive, can it serve, and how much has it done."""

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from api.dependencies import readiness
from domain.ports import Dependency
from domain.refusals import Refusal

router = APIRouter(tags=["operation"])
_CHECK_SECONDS = 2.0


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process runs. Says nothing of what stands behind it."""
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"description": "A required server does not answer"}})
async def readyz(request: Request) -> JSONResponse:
    """Whether every server that a request needs answers now."""
    state = readiness(request)
    results = await asyncio.gather(*(_check(dependency) for dependency in state.dependencies))
    checks = {dependency.name: result for dependency, result in zip(state.dependencies, results, strict=True)}
    ready = state.services is not None and all(result == "ok" for result in results)
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
    """Counters for Prometheus: routes, statuses and kinds, never who or what."""
    return Response(generate_latest(request.app.state.metrics.registry), media_type=CONTENT_TYPE_LATEST)
