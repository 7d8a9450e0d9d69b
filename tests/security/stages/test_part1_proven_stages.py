"""Whoever can schedule an activity on Assay's queue: with forged arguments, copied ones, by any kind of workflow.

Each attack is first shown to work on the wrong variant, a worker that believes whoever schedules its activities.
"""

import dataclasses
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import WorkflowHandle
from temporalio.common import WorkflowIDReusePolicy
from temporalio.converter import WorkflowSerializationContext
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Worker

from activities.contracts import names
from activities.contracts.stages import (
    AdmitInput,
    CloseInput,
    InvokeInput,
    ModelReply,
    Problem,
    Run,
    Submitter,
)
from activities.proofs.claims import Claims, ProofPlace, write
from activities.proofs.digests import digest
from activities.proofs.interceptor import ProvenStages
from activities.proofs.rules import ADMITTED, RESERVED
from assay_temporal.contracts import WORKFLOW
from domain.identity import caller_hash
from domain.inference.content import Message, Speaker
from domain.inference.models import Usage
from domain.inference.parsing import request_hash
from domain.inference.requests import InferenceRequest
from domain.records.records import EventKind
from domain.refusals import Kind, Refusal
from domain.screening.verdicts import Decision, RiskBand, Verdict
from services.refusals.stage_refusals import StageRefusals
from tests.doubles.clock import FixedClock
from tests.doubles.keys import FixedKeyRing
from tests.doubles.ledger import MemoryLedger
from tests.security.stages.foreign import Foreign, Impostor
from tests.unit.proofs.chain import ended, steps
from tests.workflows.conftest import Bench, bench, environment, payloads, policy_document  # noqa: F401 - fixtures

BODY = {"model": "fake", "prompt": "FORGED PROMPT"}
REQUEST = InferenceRequest("fake", (Message(Speaker.USER, "FORGED PROMPT"),), 0.7, 16)
ALLOWED = Verdict(Decision.ALLOW, 0.0, RiskBand.LOW)
FOREIGN = {"another type": Foreign, "the same name": Impostor}
PROOFS = (None, "of a team", "of another workflow", "of another run")
REFUSED = {"failed": "unproven-stage"}


def unbelieving(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the worker of the test one that believes whoever schedules its activities."""
    monkeypatch.setattr(ProvenStages, "intercept_activity", lambda _, following: following)


@asynccontextmanager
async def foreigner(bench: Bench, workflow: type, workflow_id: str, stage: str, given: Any) -> AsyncIterator[Any]:  # noqa: F811 - the fixture
    """Have a registered team's workflow schedule a stage; yields the result."""
    queue = secrets.token_hex(4)
    async with Worker(bench.env.client, task_queue=queue, workflows=[workflow]):
        yield await bench.env.client.execute_workflow(
            workflow.run,
            args=[stage, given],
            id=workflow_id,
            task_queue=queue,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        )


async def forged(bench: Bench, workflow_id: str, run_id: str = "a run") -> dict[str, Any]:  # noqa: F811 - the fixture
    """Arguments as a team can write them, by stage."""
    key = await bench.identity.tenant_key("acme")
    caller = caller_hash(key, "acme", "app", "alice", issuer=None)
    run = Run("acme", caller, workflow_id, run_id, 1_700_000_000_000, bench.policy, request_hash(BODY))
    submitter = Submitter("alice", "app", ("ai_operator",))
    reply = ModelReply("FORGED ANSWER", "fake", "stop", Usage(1, 1))
    end = CloseInput(
        run, "completed", submitter, REQUEST, BODY, ALLOWED, ALLOWED, reply=reply, usage=Usage(1, 1), admitted=False
    )
    denial = replace(
        end, status="blocked", problem=Problem("prompt-blocked", "x"), reply=None, usage=None, output_verdict=None
    )
    return {
        "close_request": end,
        "close_request denied": denial,
        "admit_request": AdmitInput(run, submitter, REQUEST, BODY, ALLOWED, ()),
        "invoke_model": InvokeInput(run, REQUEST, "fake", "call"),
    }


ATTACKS = ("close_request", "close_request denied", "admit_request")


@pytest.mark.parametrize("attack", ATTACKS)
async def test_as_it_was_a_teams_workflow_wrote_another_callers_records(
    monkeypatch: pytest.MonkeyPatch,
    bench: Bench,  # noqa: F811 - the fixture
    attack: str,
):
    unbelieving(monkeypatch)
    async with bench.worker_again():
        workflow_id = "inf.acme." + "b" * 32
        given = (await forged(bench, workflow_id))[attack]
        async with foreigner(bench, Foreign, workflow_id, attack.partition(" ")[0], given) as came:
            assert "failed" not in came
    assert bench.records(workflow_id)


@pytest.mark.parametrize("workflow", FOREIGN)
@pytest.mark.parametrize("attack", [*ATTACKS, "invoke_model"])
async def test_a_stage_of_someone_elses_workflow_is_refused_and_recorded(
    bench: Bench,  # noqa: F811 - the fixture
    attack: str,
    workflow: str,
):
    workflow_id, stage = "inf.acme." + "b" * 32, attack.partition(" ")[0]
    given = (await forged(bench, workflow_id))[attack]
    for proof in PROOFS:
        attempt = replace(given, proof=proof and await _proof(bench, given, proof))
        async with foreigner(bench, FOREIGN[workflow], workflow_id, stage, attempt) as came:
            assert came == REFUSED
    assert bench.records(workflow_id) == []
    assert bench.model.calls == []
    recorded = [record for record in bench.ledger.records.values() if record.kind is EventKind.STAGE_REFUSED]
    assert len(recorded) == len(PROOFS)
    for record in recorded:
        assert record.tenant == "system"
        assert (record.fields.workflow, record.fields.stage) == (workflow_id, stage)


async def _proof(bench: Bench, given: Any, of: str) -> str:  # noqa: F811 - the fixture
    """A proof of everything that the argument says, but for one thing."""
    facts = {
        "run": digest(given.run),
        "submitter": digest(Submitter("alice", "app", ("ai_operator",))),
        "clean": digest(REQUEST),
        "verdict": digest(ALLOWED),
        "output": digest(ALLOWED),
        "reply": digest(ModelReply("FORGED ANSWER", "fake", "stop", Usage(1, 1))),
        "usage": digest(Usage(1, 1)),
        ADMITTED: "",
        RESERVED: "1000",
    }
    key = await bench.keyring.current("acme" if of == "of a team" else "system")
    workflow_id = "inf.acme." + "c" * 32 if of == "of another workflow" else given.run.workflow_id
    return write(Claims("", facts, ("fake",)), ProofPlace(bench.env.client.namespace, workflow_id, "a run"), key)


async def _copied(bench: Bench, handle: WorkflowHandle[Any, Any]) -> Any:  # noqa: F811 - the fixture
    """The argument of a run's model call, from its history."""
    converter = bench.env.client.data_converter.with_context(_workflow(bench, handle.id))
    for event in (await handle.fetch_history()).events:
        scheduled = event.activity_task_scheduled_event_attributes
        if scheduled.activity_type.name == names.INVOKE_MODEL.name:
            [given] = await converter.decode(scheduled.input.payloads, [InvokeInput])
            return given
    raise AssertionError("the run called no model")


def _workflow(bench: Bench, workflow_id: str) -> Any:  # noqa: F811 - the fixture
    return WorkflowSerializationContext(namespace=bench.env.client.namespace, workflow_id=workflow_id)


@pytest.mark.parametrize("workflow", FOREIGN)
async def test_a_copied_argument_calls_no_model_again(bench: Bench, workflow: str):  # noqa: F811 - the fixture
    """Its proof is right; but it is of the first run of that ID."""
    handle = await bench.start({"model": "fake", "prompt": "Hello"})
    assert (await handle.result()).status == "completed"
    given = await _copied(bench, handle)
    assert given.proof is not None
    for _ in range(3):
        async with foreigner(bench, FOREIGN[workflow], handle.id, "invoke_model", given) as came:
            assert came == REFUSED
    assert len(bench.model.calls) == 1
    assert [record.kind.value for record in bench.records(handle.id)] == ["admitted", "completed"]


async def test_as_it_was_a_copied_argument_called_the_model_again(
    monkeypatch: pytest.MonkeyPatch,
    bench: Bench,  # noqa: F811 - the fixture
):
    unbelieving(monkeypatch)
    monkeypatch.setattr(bench.ledger, "begin_call", _any_number)  # it needed no reservation either
    async with bench.worker_again():
        handle = await bench.start({"model": "fake", "prompt": "Hello"})
        await handle.result()
        given, calls = await _copied(bench, handle), len(bench.model.calls)
        async with foreigner(bench, Foreign, handle.id, "invoke_model", given) as came:
            assert came["content"] == "fine"
    assert len(bench.model.calls) == calls + 1


async def _any_number(*_: Any) -> int:
    return 1


Stage = Callable[[Any], Any]


class _Done(ActivityInboundInterceptor):
    """In place of the stage."""

    def __init__(self, reached: list[Any]) -> None:
        self._reached = reached

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - Temporal's name
        self._reached.append(input.args)


class _NoAncestry:
    async def descends(self, *_: str) -> bool:
        return False


@pytest.mark.parametrize("stage", names.ALL, ids=lambda stage: stage.name)
@pytest.mark.parametrize(
    "place",
    [
        {"workflow_id": None, "workflow_run_id": None, "workflow_type": None},
        {"workflow_type": "SettleAbandoned"},
        {"workflow_id": "inf.acme." + "d" * 32},
    ],
    ids=["standalone", "another type of workflow", "another workflow"],
)
@pytest.mark.parametrize("argument", ["its own", "none", "null", "another stage's"])
async def test_a_stage_runs_in_a_run_alone(
    stage: names.Stage[Any, Any],
    place: dict[str, Any],
    argument: str,
):
    chain = {step.stage: step.given for step in steps()} | {"close_request": ended()}
    own = chain[stage.name]
    given = {"its own": [own], "none": [], "null": [None], "another stage's": [asdict(own)]}[argument]
    reached: list[Any] = []
    ledger = MemoryLedger(FixedClock())
    refusals = StageRefusals(ledger, FixedClock())
    proving = ProvenStages(FixedKeyRing("system"), _NoAncestry(), refusals).intercept_activity(_Done(reached))
    run = own.run if hasattr(own, "run") else own
    info = dataclasses.replace(
        ActivityEnvironment.default_info(),
        activity_type=stage.name,
        **{"workflow_id": run.workflow_id, "workflow_run_id": run.run_id, "workflow_type": WORKFLOW, **place},
    )
    environment_ = ActivityEnvironment()
    environment_.info = info

    @activity.defn
    async def attempt() -> None:
        await proving.execute_activity(ExecuteActivityInput(fn=print, args=given, executor=None, headers={}))

    with pytest.raises(ApplicationError) as refused:
        await environment_.run(attempt)
    assert (refused.value.type, refused.value.non_retryable) == ("unproven-stage", True)
    assert reached == []
    assert [record.kind for record in ledger.records.values()] == [EventKind.STAGE_REFUSED]


async def test_a_refusal_that_can_not_be_recorded_is_tried_again(bench: Bench):  # noqa: F811 - the fixture
    workflow_id = "inf.acme." + "b" * 32
    given = (await forged(bench, workflow_id))["close_request"]
    bench.ledger.outage = Refusal(Kind.STORE_UNAVAILABLE, "away")
    async with foreigner(bench, Foreign, workflow_id, "close_request", given) as came:
        assert came == {"failed": "store-unavailable"}
