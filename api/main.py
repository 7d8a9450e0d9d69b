"""API process: wiring only."""

import asyncio
import contextlib
import secrets
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial

import structlog
import uvicorn

from adapters.log.faults import PostgresLogFaults
from adapters.postgres.custody import PostgresCustody
from adapters.postgres.requests.rates import PostgresRates
from adapters.postgres.requests.submissions import PostgresSubmissions
from adapters.postgres.responses import PostgresDeletedResponses
from adapters.system.clock import SystemClock
from adapters.system.spool import SqliteSpool
from adapters.temporal.availability import EngineAvailability
from adapters.temporal.client import TemporalConnection
from adapters.temporal.external_storage import resolve
from adapters.temporal.payload_driver import PayloadDriver
from adapters.temporal.runs import TemporalRuns
from adapters.tokens.access_tokens import JwtIssuer, JwtVerifier
from adapters.tokens.browser_sessions import JwtSessions
from adapters.tokens.signatures import LocalSignatureChecks
from adapters.vault.clients import VaultClients
from adapters.wiring.api_keys import api_key_store
from adapters.wiring.log_readers import LogReaders, open_readers
from adapters.wiring.platform import Platform
from api.access.access_services import AccessServices
from api.access.key_services import ApiKeyServices
from api.app import build_app
from api.audit.audit_services import AuditServices
from api.codec.codec_services import CodecServices
from api.codec.decoding import PayloadDecoder
from api.dependencies import Readiness, Services
from api.http.metrics import Metrics
from api.inference.inference_services import InferenceServices
from api.inference.result_proofs import ResultProofs
from api.inference.runs import Runs
from api.inference.signed_starts import SignedStarts
from api.inference.stored_runs import StoredRuns
from api.server.configuration import server_config
from assay_temporal.backoff import Backoff
from assay_temporal.contracts import InferenceResult
from assay_temporal.keyring import KeyUnavailable
from config import roles
from config.settings import Settings
from domain.access.ports import AccessDecider
from domain.access.principals import SYSTEM_TENANT
from domain.identity import tenant_of_run
from domain.ports import Clock
from domain.records.floods import Windows
from domain.records.spool import Spool
from domain.refusals import Refusal
from services.access import role_access
from services.browser_sessions import Sessions
from services.custody import Custodian
from services.log.checkpoint_wait import CheckpointWait
from services.log.exporting import LogExport
from services.log.reading import RecordReading
from services.plaintext_access import PlaintextAccess
from services.policies.current import CurrentPolicy
from services.policies.parsed import Policies
from services.refusals.drops import Drops
from services.refusals.outbox import Outbox
from services.refusals.recorder import EdgeRecorder
from services.runs.attempts import RunAttempts
from services.runs.local_feed import LocalRunFeed
from services.runs.submissions import RunSubmissions
from services.token_attempts import TokenAttempts
from services.tokens import TokenService

_DRAIN_SECONDS = 2.0
log = structlog.get_logger(__name__)


def random_tag() -> str:
    """Return 128 random bits as hexadecimal."""
    return secrets.token_hex(16)


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the process, which may have other roles to stop."""
        yield


async def serve(
    settings: Settings,
    stop: asyncio.Event,
    temporal: TemporalConnection,
    metrics: Metrics,
    feed: LocalRunFeed[InferenceResult],
) -> None:
    """Serve HTTP until ``stop`` is set, then let running requests end.

    The socket is open from the start: while servers are unreachable, ``/readyz`` and routes return 503.
    """
    async with AsyncExitStack() as stack:
        api = settings.api
        spool = await SqliteSpool.open(api.spool_dir, api.spool_bytes)
        stack.push_async_callback(spool.close)
        readiness = Readiness()
        app = build_app(readiness, metrics, api.max_body_bytes, random_tag, api.ui_origin, api.max_conversation_bytes)
        server = _Server(server_config(app, api))
        serving = asyncio.create_task(server.serve())
        platform = await Platform.open(stack, settings, roles.API, SystemClock())
        policy = CurrentPolicy(Policies(platform.policies))
        engine = EngineAvailability(temporal)
        readiness.dependencies = (platform.session, platform.pool, engine, policy, PostgresLogFaults(platform.pool))
        readers = await open_readers(stack, settings, platform)
        edge = _edge_recorder(settings, platform, spool, metrics)
        clients = VaultClients(platform.session, kv_mount=settings.vault.kv_mount)
        keys = ApiKeyServices.over(
            api_key_store(platform), clients, platform.identities, policy, SystemClock(), random_tag=random_tag
        )
        wiring = _Wiring(settings, platform, readers, temporal, engine, policy, edge, metrics, stop, feed, keys)
        tasks = [
            asyncio.create_task(_become_ready(readiness, wiring)),
            asyncio.create_task(edge.run()),
            asyncio.create_task(policy.follow()),
            asyncio.create_task(engine.follow()),
            asyncio.create_task(keys.uses.run()),
        ]
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        feed.close()
        server.should_exit = True
        await serving
        await edge.drain(_DRAIN_SECONDS)
        await keys.uses.write()
        for task in (*tasks, stopping):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        edge.close()


def _edge_recorder(settings: Settings, platform: Platform, spool: Spool, metrics: Metrics) -> EdgeRecorder:
    drops = Drops(lambda reason, count: metrics.edge_dropped.labels(reason).inc(count), SystemClock())
    outbox = Outbox(platform.encrypter, spool, platform.ledger, drops)
    return EdgeRecorder(outbox, Windows(settings.api.refusals_one_by_one), drops, SystemClock(), random_tag)


async def _become_ready(readiness: Readiness, wiring: "_Wiring") -> None:
    """Retry until every server was reached once and a policy is current. Then adapters reconnect by themselves."""
    backoff = Backoff()
    while readiness.services is None:
        try:
            readiness.services = await wiring.services()
        except (Refusal, KeyUnavailable) as error:
            log.info("not ready yet", reason=type(error).__name__, kind=getattr(error, "kind", None))
            await asyncio.sleep(backoff.next())
    log.info("ready", policy=readiness.services.inference.policy.hash)


@dataclass(frozen=True)
class _Wiring:
    """The process's adapters, and the services over them, a method a group."""

    settings: Settings
    platform: Platform
    readers: LogReaders
    temporal: TemporalConnection
    engine: EngineAvailability
    policy: CurrentPolicy
    edge: EdgeRecorder
    metrics: Metrics
    stop: asyncio.Event
    feed: LocalRunFeed[InferenceResult]
    keys: ApiKeyServices
    decider: AccessDecider = field(default_factory=role_access)
    clock: Clock = field(default_factory=SystemClock)

    async def services(self) -> Services:
        """The services of all routes.

        Raises:
            Refusal, KeyUnavailable: a server that they need was not reached, or no policy is current.
        """
        return Services(
            access=self._access(),
            inference=await self._inference(),
            audit=self._audit(),
            codec=self._codec(),
            edge=self.edge,
        )

    def _access(self) -> AccessServices:
        settings, platform = self.settings, self.platform
        issuer = JwtIssuer(platform.signer, settings.tokens)
        tokens = TokenService(self.keys.clients, platform.identities, issuer, self.clock, random_tag)
        return AccessServices(
            verifier=JwtVerifier(platform.public_keys, platform.identities, settings.tokens, self.clock),
            decider=self.decider,
            rates=PostgresRates(platform.pool),
            tokens=TokenAttempts(tokens, self.clock, secrets.token_bytes(32)),
            signer=platform.signer,
            keys=self.keys,
        )

    async def _inference(self) -> InferenceServices:
        settings, platform = self.settings, self.platform
        await self.policy.read()
        client = await self.temporal.client(platform.keyring, platform.payloads)
        await self.engine.check()
        starts = SignedStarts(TemporalRuns(client), platform.keyring, platform.identities)
        runs = Runs(
            client,
            settings.temporal.task_queue,
            platform.keyring,
            platform.identities,
            self.clock,
            random_tag,
            platform.session.require_available,
            self.feed,
            self.decider,
            PlaintextAccess(platform.ledger, self.clock),
            self.engine.require_available,
            RunAttempts(platform.ledger),
            ResultProofs(platform.keyring, settings.temporal.namespace, platform.signer, LocalSignatureChecks()),
            starts,
        )
        return InferenceServices(
            runs=runs,
            stored=StoredRuns(starts, PostgresDeletedResponses(platform.pool), self.engine.require_available),
            checkpoints=CheckpointWait(self.readers.proofs, self.stop),
            current=self.policy,
            wait_seconds=settings.api.wait_seconds,
            submissions=RunSubmissions(PostgresSubmissions(platform.pool), platform.identities, random_tag),
        )

    def _audit(self) -> AuditServices:
        platform, readers = self.platform, self.readers
        access, custody = self.decider, PostgresCustody(platform.pool, platform.encrypter)
        return AuditServices(
            reading=RecordReading(
                readers.records, platform.ledger, platform.identities, access, self.clock, random_tag
            ),
            records=readers.records,
            proofs=readers.proofs,
            export=LogExport(readers.entries, readers.proofs, platform.ledger, access, self.clock, random_tag),
            custodian=Custodian(custody, platform.identities, self.clock, random_tag),
            signer=platform.signer,
            log_name=self.settings.audit.log_name,
        )

    def _codec(self) -> CodecServices:
        settings, platform = self.settings, self.platform
        driver = PayloadDriver(platform.payloads, tenant_of=tenant_of_run, fallback_tenant=SYSTEM_TENANT)
        decoder = PayloadDecoder(
            platform.keyring,
            settings.temporal.namespace,
            self.decider,
            platform.ledger,
            self.clock,
            resolve=partial(resolve, driver),
            refused=self.metrics.payloads_refused.inc,
        )
        tokens = JwtSessions(platform.signer, platform.public_keys, platform.identities, settings.tokens, self.clock)
        seconds = settings.api.ui_session_seconds
        return CodecServices(
            decoder=decoder,
            sessions=Sessions(tokens, platform.ledger, self.clock, random_tag, seconds),
            session_seconds=seconds,
            ui_origin=settings.api.ui_origin,
            secure_cookie=settings.api.behind_tls_proxy,
            namespace=settings.temporal.namespace,
        )
