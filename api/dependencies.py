"""Services for routes, in groups: made in ``api/main.py``, given to a route by the parameter of its group."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from api.access.access_services import AccessServices
from api.audit.audit_services import AuditServices
from api.codec.codec_services import CodecServices
from api.inference.inference_services import InferenceServices
from domain.ports import Dependency
from domain.refusals import Kind, Refusal
from services.refusals.recorder import EdgeRecorder


@dataclass(frozen=True)
class Services:
    """Services of all routes, by group, and the recorder of refusals at the edge."""

    access: AccessServices
    inference: InferenceServices
    audit: AuditServices
    codec: CodecServices
    edge: EdgeRecorder


@dataclass
class Readiness:
    """Start-up progress. ``services`` is set once every required server was reached."""

    dependencies: Sequence[Dependency] = ()
    services: Services | None = None


def readiness(request: Request) -> Readiness:
    """Return the process's readiness."""
    return cast("Readiness", request.app.state.readiness)


async def services(request: Request) -> Services:
    """The services. A coroutine, as are the groups, since FastAPI would send a plain function to a thread.

    Raises:
        Refusal: ENGINE_UNAVAILABLE while the process is starting.
    """
    found = readiness(request).services
    if found is None:
        raise Refusal(Kind.ENGINE_UNAVAILABLE, "the service is starting", retry_after=2)
    return found


async def _access(request: Request) -> AccessServices:
    return (await services(request)).access


async def _inference(request: Request) -> InferenceServices:
    return (await services(request)).inference


async def _audit(request: Request) -> AuditServices:
    return (await services(request)).audit


async def _codec(request: Request) -> CodecServices:
    return (await services(request)).codec


Access = Annotated[AccessServices, Depends(_access)]
Inference = Annotated[InferenceServices, Depends(_inference)]
Audit = Annotated[AuditServices, Depends(_audit)]
Codec = Annotated[CodecServices, Depends(_codec)]
