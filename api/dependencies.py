"""What the routes need from the process: ports, made in ``api/main.py`` and nowhere else."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request

from api.codec.decoding import PayloadDecoder
from api.inference.checkpoint_wait import Sealing
from api.inference.runs import Runs
from config.settings import Settings
from domain.access.ports import AccessDecider, TokenVerifier
from domain.budgets.ports import RateLimiter
from domain.policy.document import Policy
from domain.ports import Dependency, StatementSigner
from domain.records.ports import RecordReader
from domain.refusals import Kind, Refusal
from domain.transparency.ports import LogProofs
from services.browser_sessions import Sessions
from services.custody import Custodian
from services.log.exporting import LogExport
from services.log.reading import RecordReading
from services.refusals.recorder import EdgeRecorder
from services.tokens import TokenService


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
