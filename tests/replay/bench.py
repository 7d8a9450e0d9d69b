"""The real workflow, worker and API's start over ports in memory, on Temporal's own server, under keys that are known.

Histories that are recorded here open with ``keyring()``, today and in years: what they contain is harmless.
"""

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml
from temporalio.client import Client, WorkflowHandle

from adapters.system.clock import SystemClock
from adapters.system.policy_files import load_policy_document
from adapters.temporal.client import TemporalConnection
from adapters.temporal.runs import TemporalRuns
from adapters.tokens.signatures import LocalSignatureChecks
from api.inference.result_proofs import ResultProofs
from api.inference.runs import Runs, Submission
from api.inference.signed_starts import SignedStarts
from api.main import random_tag
from assay_temporal import start_context
from assay_temporal.contracts import WORKFLOW, InferenceResult, SignedRequest
from assay_temporal.start_context import StartContext
from config.settings import EmbeddedSettings, Settings, TemporalSettings
from domain.access.clients import TeamEntry
from domain.access.principals import SYSTEM_TENANT, Role
from domain.identity import caller_hash, run_id
from domain.inference.parsing import request_hash
from domain.ports import Clock
from embedded.process.ports import unused_ports
from embedded.servers.group import EmbeddedServers, temporal
from services.access import role_access
from services.plaintext_access import PlaintextAccess
from services.policies.parsed import Policies
from services.runs.attempts import RunAttempts
from services.runs.local_feed import LocalRunFeed
from tests.detectors import DETECTORS
from tests.doubles.clock import FixedClock
from tests.doubles.gaps import MemoryGaps
from tests.doubles.keys import FixedIdentity, FixedKeyRing, LocalSigner
from tests.doubles.ledger import MemoryLedger
from tests.doubles.principals import principal as a_principal
from tests.doubles.stores import MemoryPolicies, MemoryTeams
from tests.gateway import write_policies
from tests.workflows.conftest import ScriptedModel
from worker.build import WorkerPorts, build_worker
from workflows.timing import RUN_TOTAL

NAMESPACE = TemporalSettings().namespace
TEAM = TeamEntry("acme", "triage", "team:triage", ("ai_operator",), "2026-01-01T00:00:00+00:00")
BODY = {"model": "fake", "prompt": "Hello"}


def keyring() -> FixedKeyRing:
    """The keys that committed histories are under."""
    return FixedKeyRing("acme", "system")


@dataclass
class RecordingBench:
    """Doubles for one run, and the ways to start it."""

    client: Client
    settings: Settings
    policies_dir: Path
    policy: str = ""
    ledger: MemoryLedger = field(default_factory=lambda: MemoryLedger(FixedClock()))
    model: ScriptedModel = field(default_factory=ScriptedModel)
    policies: MemoryPolicies = field(default_factory=MemoryPolicies)
    identity: FixedIdentity = field(default_factory=FixedIdentity)
    signer: LocalSigner = field(default_factory=LocalSigner)
    teams: MemoryTeams = field(default_factory=lambda: MemoryTeams(TEAM))

    async def with_policies(self, privacy: Mapping[str, Any] | None = None, **limits: Any) -> None:
        """Take the shipped policies with the tests' models; ``limits`` go into the policy of limits."""
        folder = self.policies_dir / secrets.token_hex(4)
        write_policies(folder)
        found = yaml.safe_load((folder / "limits.yaml").read_text())
        (folder / "limits.yaml").write_text(yaml.safe_dump({**found, **limits}))
        found = yaml.safe_load((folder / "privacy.yaml").read_text())
        (folder / "privacy.yaml").write_text(yaml.safe_dump({**found, **(privacy or {})}))
        self.policy = await self.policies.put(load_policy_document(folder, {}))
        await self.policies.make_current(self.policy)

    @asynccontextmanager
    async def working(self, clock: Clock | None = None) -> AsyncIterator[None]:
        """A worker, as a process of Assay has it."""
        ports = WorkerPorts(
            *(keyring(), Policies(self.policies), self.ledger, self.identity, self.signer, self.model),
            *(clock or FixedClock(), self.teams, MemoryGaps(self.ledger), DETECTORS),
        )
        async with build_worker(self.client, self.settings, ports):
            yield

    async def start(self, body: Any, clock: Any = None, **submission: Any) -> WorkflowHandle[Any, InferenceResult]:
        """Start a run as the API does."""
        key = await self.identity.tenant_key("acme")
        caller = caller_hash(key, "acme", "app", "alice", issuer=None)
        principal = a_principal("acme", "alice", "app", frozenset({Role.AI_OPERATOR}), caller)
        made = Submission(principal, body, body.get("model", "fake"), self.policy, None)
        started = await self._runs(clock or SystemClock()).start(replace(made, **submission))
        return self.handle(started.public_id)

    async def start_unasked(
        self, argument: Any = None, countersigner: str | None = SYSTEM_TENANT, **context: Any
    ) -> WorkflowHandle[Any, InferenceResult]:
        """Start a run as another team does, or an untrusted client: with its own context, or any argument."""
        made = await self.context(BODY, **context)
        signed = SignedRequest(BODY, await start_context.sign(made, keyring(), countersigner=countersigner))
        return await self.client.start_workflow(
            WORKFLOW,
            signed if argument is None else argument,
            id=made.workflow_id,
            task_queue=self.settings.temporal.task_queue,
            execution_timeout=RUN_TOTAL,
            result_type=InferenceResult,
        )

    def handle(self, id_: str) -> WorkflowHandle[Any, InferenceResult]:
        return self.client.get_workflow_handle(id_, result_type=InferenceResult)

    async def context(self, body: Any, **changes: Any) -> StartContext:
        key = await self.identity.tenant_key("acme")
        caller = caller_hash(key, "acme", "app", "alice", issuer=None)
        made = StartContext(
            tenant="acme",
            subject="alice",
            client_id="app",
            roles=("ai_operator",),
            workflow_id=run_id(key, "acme", caller, secrets.token_hex(8)),
            request_hash=request_hash(body),
            policy=self.policy,
            expires_at=int(SystemClock().now().timestamp()) + 60,
        )
        return replace(made, **changes)

    def _runs(self, clock: Any) -> Runs:
        queue = self.settings.temporal.task_queue
        return Runs(
            self.client,
            queue,
            keyring(),
            self.identity,
            clock,
            random_tag,
            lambda: None,
            LocalRunFeed(),
            role_access(),
            PlaintextAccess(self.ledger, clock),
            lambda: None,
            RunAttempts(self.ledger),
            ResultProofs(keyring(), self.client.namespace, LocalSigner(), LocalSignatureChecks()),
            SignedStarts(TemporalRuns(self.client), keyring(), self.identity),
        )


@asynccontextmanager
async def dev_server(directory: Path) -> AsyncIterator[Settings]:
    """Temporal as ``assay up`` starts it; the settings that lead there."""
    names = ("postgres_port", "vault_port", "vault_cluster_port", "temporal_port", "temporal_ui_port", "model_port")
    embedded = EmbeddedSettings(
        data_dir=directory / "data", temporal_ui=False, **dict(zip(names, unused_ports(len(names)), strict=True))
    )
    settings = Settings(embedded=embedded)
    async with EmbeddedServers(settings, only={temporal.NAME}) as servers:
        yield servers.client_settings()


async def bench_on(settings: Settings, policies_dir: Path) -> RecordingBench:
    """A bench on the server that ``settings`` name."""
    client = await TemporalConnection(settings.temporal).client(keyring(), None)
    made = RecordingBench(client, settings, policies_dir)
    await made.with_policies()
    return made
