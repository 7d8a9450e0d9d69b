"""What the routes need from the process: ports, made in ``api/main.py`` and nowhere else."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from api.custodian import Custodian
from api.decoding import PayloadDecoder
from api.edge_records import EdgeRecorder
from api.exporting import LogExport
from api.reading import RecordReading
from api.runs import Runs
from api.sealing import Sealing
from api.sessions import Sessions
from api.tokens import TokenService
from config.settings import Settings
from domain.log_ports import LogProofs, RecordReader
from domain.policy import Policy
from domain.ports import AccessDecider, Dependency, RateLimiter, StatementSigner, TokenVerifier
from domain.refusals import Kind, Refusal


@dataclass(frozen=True)
class PinnedPolicy:
    """The policy that new runs are pinned to."""

    hash: str
    policy: Policy


@dataclass(frozen=True)
class Services:
    """Everything a route may use."""

    settings: Settings
    runs: Runs
    verifier: TokenVerifier
    tokens: TokenService
    signer: StatementSigner
    rates: RateLimiter
    policy: PinnedPolicy
    edge: EdgeRecorder
    access: AccessDecider
    decoder: PayloadDecoder
    sessions: Sessions
    custodian: Custodian
    sealing: Sealing
    reading: RecordReading
    records: RecordReader
    proofs: LogProofs
    export: LogExport


@dataclass
class Readiness:
    """How far the process is. ``services`` appears once every server it needs was reached."""

    dependencies: Sequence[Dependency] = ()
    services: Services | None = None


def readiness(request: Request) -> Readiness:
    """The process's readiness."""
    return cast("Readiness", request.app.state.readiness)


async def services(request: Request) -> Services:
    """The services. A coroutine, since FastAPI would send a plain function to a thread.

    Raises:
        Refusal: ENGINE_UNAVAILABLE while the process is starting.
    """
    found = readiness(request).services
    if found is None:
        raise Refusal(Kind.ENGINE_UNAVAILABLE, "the service is starting", retry_after=2)
    return found


Provided = Annotated[Services, Depends(services)]
