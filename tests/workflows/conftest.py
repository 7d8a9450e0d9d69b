"""The real workflow and the real activities over ports in memory, on Temporal's time-skipping server."""

import secrets
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from adapters.system.clock import SystemClock
from adapters.system.policy_files import load_policy_document
from adapters.temporal.external_storage import with_external_storage
from adapters.temporal.json_payloads import CompiledJsonConverter
from adapters.temporal.payload_driver import PayloadDriver
from assay_temporal import start_context
from assay_temporal.codec import EncryptingCodec, OnUnauthenticated
from assay_temporal.contracts import WORKFLOW, InferenceResult, SignedRequest
from assay_temporal.data_converter import encrypted
from assay_temporal.start_context import StartContext
from config.settings import Settings
from domain.identity import caller_hash, run_id, tenant_of_run
from domain.inference.models import ModelAnswer, ModelCall, ProviderFailure, Usage
from domain.inference.parsing import request_hash
from domain.records.records import Record
from services.policies.parsed import Policies
from tests.detectors import DETECTORS
from tests.doubles.clock import FixedClock
from tests.doubles.gaps import MemoryGaps
from tests.doubles.keys import FixedIdentity, FixedKeyRing, LocalSigner
from tests.doubles.ledger import MemoryLedger
from tests.doubles.stores import MemoryPayloads, MemoryPolicies, MemoryTeams
from tests.gateway import write_policies
from worker.build import WorkerPorts, build_worker
from workflows.inference.search_attributes import ALL

QUEUE = "assay"
EXTERNAL_BYTES = 16_384


class ScriptedModel:
    """A ``ModelProvider`` that does what it is told, call by call, then answers."""

    def __init__(self) -> None:
        self.calls: list[ModelCall] = []
        self.script: list[str | Exception | Callable[[], Any]] = []
        self.usage = Usage(7, 5)

    async def complete(self, call: ModelCall) -> ModelAnswer:
        self.calls.append(call)
        step = self.script.pop(0) if self.script else "fine"
        if callable(step):
            step = await step()
        if isinstance(step, Exception):
            raise step
        return ModelAnswer(step, "stop", self.usage)


@dataclass
class Bench:
    """A worker over doubles, and what tests do with it."""

    env: WorkflowEnvironment
    keyring: FixedKeyRing
    identity: FixedIdentity
    ledger: MemoryLedger
    signer: LocalSigner
    model: ScriptedModel
    policies: MemoryPolicies
    policy: str
    payloads: MemoryPayloads
    teams: MemoryTeams
    ports: WorkerPorts
    worker: Worker | None = None
    changes: dict[str, Any] = field(default_factory=dict)

    async def context(self, body: Any, **changes: Any) -> StartContext:
        key = await self.identity.tenant_key("acme")
        caller = caller_hash(key, "acme", "app", "alice", issuer=None)
        now = await self.env.get_current_time()
        made = StartContext(
            tenant="acme",
            subject="alice",
            client_id="app",
            roles=("ai_operator",),
            workflow_id=run_id(key, "acme", caller, secrets.token_hex(8)),
            request_hash=request_hash(body),
            policy=self.policy,
            expires_at=int(now.timestamp()) + 60,
        )
        return replace(made, **changes)

    async def start(
        self, body: Any, countersigner: str | None = "system", **changes: Any
    ) -> WorkflowHandle[Any, InferenceResult]:
        context = await self.context(body, **changes)
        return await self.env.client.start_workflow(
            WORKFLOW,
            SignedRequest(body, await start_context.sign(context, self.keyring, countersigner=countersigner)),
            id=context.workflow_id,
            task_queue=QUEUE,
            execution_timeout=timedelta(days=3),
            result_type=InferenceResult,
        )

    async def run(self, body: Any, countersigner: str | None = "system", **changes: Any) -> InferenceResult:
        return await (await self.start(body, countersigner, **changes)).result()

    def another_worker(self) -> Worker:
        """A worker to take over from the first."""
        ports = WorkerPorts(
            *(self.keyring, Policies(self.policies), self.ledger, self.identity, self.signer, self.model, FixedClock()),
            *(self.teams, MemoryGaps(self.ledger), DETECTORS),
        )
        return build_worker(self.env.client, Settings(), ports)

    @asynccontextmanager
    async def worker_again(self) -> AsyncIterator[None]:
        """Replace the worker by one that is built now, of the same stores."""
        if self.worker is not None:
            await self.worker.shutdown()
        async with build_worker(self.env.client, Settings(), self.ports):
            yield

    def records(self, workflow_id: str) -> list[Record]:
        """A run's records, in the order in which they were made."""
        return [record for record in self.ledger.records.values() if record.workflow_id == workflow_id]


def unavailable(kind: Any, *, retryable: bool = True, retry_after: float | None = None) -> ProviderFailure:
    return ProviderFailure(kind, retryable=retryable, retry_after=retry_after)


@pytest.fixture
def payloads() -> MemoryPayloads:
    """The store of large payloads."""
    return MemoryPayloads(SystemClock())


@pytest.fixture(scope="session")
def policy_document(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The shipped policy with models of the tests' own."""
    directory = tmp_path_factory.mktemp("policies") / "policies"
    write_policies(directory)
    return load_policy_document(directory, {})


@pytest.fixture
async def environment(payloads: MemoryPayloads) -> AsyncIterator[tuple[WorkflowEnvironment, FixedKeyRing]]:
    """A server of the test's own, which starts in a tenth of a second.

    It skips no time while a task waits for a worker: a run that one test left behind would stop the time of all others.
    """
    keyring = FixedKeyRing("acme", "system")
    codec = EncryptingCodec(
        keyring,
        tenant_of=tenant_of_run,
        fallback_tenant="system",
        on_unauthenticated=OnUnauthenticated.READ_AS_NULL,
    )
    driver = PayloadDriver(payloads, tenant_of=tenant_of_run, fallback_tenant="system", patience=0)
    converter = with_external_storage(encrypted(codec, CompiledJsonConverter), driver, EXTERNAL_BYTES)
    server = Path(sys.executable).with_name("temporal-test-server")
    async with await WorkflowEnvironment.start_time_skipping(
        data_converter=converter, test_server_existing_path=str(server)
    ) as env:
        names = {key.name: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD for key in ALL}
        request = AddSearchAttributesRequest(namespace=env.client.namespace, search_attributes=names)
        await env.client.operator_service.add_search_attributes(request)
        yield env, keyring


@pytest.fixture
async def bench(
    environment: tuple[WorkflowEnvironment, FixedKeyRing], payloads: MemoryPayloads, policy_document: bytes
) -> AsyncIterator[Bench]:
    env, keyring = environment
    policies, identity, signer, model = MemoryPolicies(), FixedIdentity(), LocalSigner(), ScriptedModel()
    clock = FixedClock()
    ledger, teams = MemoryLedger(clock), MemoryTeams()
    policy = await policies.put(policy_document)
    stores = keyring, Policies(policies), ledger, identity, signer, model, clock, teams, MemoryGaps(ledger)
    ports = WorkerPorts(*stores, DETECTORS)
    worker = build_worker(env.client, Settings(), ports)
    async with worker:
        yield Bench(env, keyring, identity, ledger, signer, model, policies, policy, payloads, teams, ports, worker)
