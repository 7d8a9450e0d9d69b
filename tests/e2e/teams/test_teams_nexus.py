"""A team with a namespace of its own asks by a Nexus endpoint: the same signed start, encrypted on all its way."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from nexusrpc import HandlerError
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import CancelledError
from temporalio.nexus import CancelWorkflowRunOptions
from temporalio.worker import Worker

from assay_temporal.client import AssayClient
from assay_temporal.inference import request_hash
from assay_temporal.nexus import NexusStart
from assay_temporal.plugin import AssayPlugin
from assay_temporal.signing import Team
from assay_temporal.vault.team import TeamVault, team_keys
from tests.e2e.teams.test_teams import INJECTION, READABLE, plaintext
from tests.fakes.behaviours import Hang, answer, status
from tests.gateway import Gateway, eventually
from tests.security.needles import forms
from tests.teams import PATIENCE, assay, team_member
from tests.workflows.teams.asking import Asks, CallsTheEndpoint, Catches, Outcome
from worker.nexus import _Infer

NAMESPACE = "department"
ENDPOINT = "assay"
QUEUE = "department"
CANARY = "order 95b1e3c7d2aa"
WORKFLOWS = [Asks, Catches]


@dataclass
class Department:
    gateway: Gateway
    client: Client
    plugin: AssayPlugin

    async def start(self, workflow: Any, *arguments: Any) -> WorkflowHandle[Any, Any]:
        return await self.client.start_workflow(
            workflow.run, args=arguments, id=f"department-{secrets.token_hex(8)}", task_queue=QUEUE
        )

    async def run(self, workflow: Any, *arguments: Any) -> Any:
        async with asyncio.timeout(PATIENCE):
            return await (await self.start(workflow, *arguments)).result()

    def shown(self, workflow_id: str, namespace: str) -> str:
        """The history as anybody in the namespace sees it."""
        arguments = ("workflow", "show", "--workflow-id", workflow_id, "--output", "json")
        shown = self.gateway.temporal_cli(*arguments, namespace=namespace)
        assert shown.returncode == 0, shown.stderr
        return shown.stdout


@pytest.fixture(scope="module")
async def department(gateway: Gateway) -> AsyncIterator[Department]:
    target = ("--target-namespace", "assay", "--target-task-queue", "assay")
    for arguments in (
        ("operator", "namespace", "create"),
        ("operator", "nexus", "endpoint", "create", "--name", ENDPOINT, *target),
    ):
        made = gateway.temporal_cli(*arguments, namespace=NAMESPACE)
        assert made.returncode == 0, made.stderr

    async def known() -> bool:  # a namespace is known to every part of the server a moment after it was made
        return gateway.temporal_cli("workflow", "list", namespace=NAMESPACE).returncode == 0

    await eventually(known, PATIENCE)
    made = await assay(gateway, "team", "create", "department", "--tenant", "acme")
    vault = TeamVault(gateway.local.vault.address, Path(made["role_id_file"]), Path(made["secret_id_file"]))
    async with team_keys(vault, "acme") as keys:
        plugin = AssayPlugin(Team("acme", "department"), keys, endpoint=ENDPOINT)
        client = await Client.connect(gateway.local.temporal.address, namespace=NAMESPACE, plugins=[plugin])
        async with Worker(client, task_queue=QUEUE, workflows=WORKFLOWS):
            yield Department(gateway, client, plugin)


async def newest(gateway: Gateway) -> str:
    """The run that was recorded last."""
    return next(record["run"] for record in await gateway.records(tenant="acme"))


async def test_a_team_of_another_namespace_is_answered_and_recorded(gateway: Gateway, department: Department):
    gateway.provider.script(answer(f"{CANARY} twice"))
    handle = await department.start(Catches, f"Say {CANARY}")
    async with asyncio.timeout(PATIENCE):
        assert await handle.result() == Outcome(f"{CANARY} twice")
    run_id = await newest(gateway)
    records = await gateway.records(run_id)
    assert [record["kind"] for record in records] == ["completed", "admitted"]
    for shown in (department.shown(handle.id, NAMESPACE), department.shown(run_id, "assay")):
        assert not [needle for needle in forms(CANARY) if needle in shown.encode()]
        assert plaintext(json.loads(shown)) <= READABLE


async def test_denials_and_faults_are_told_apart_across_namespaces(gateway: Gateway, department: Department):
    assert await department.run(Catches, INJECTION) == Outcome("blocked", "prompt-blocked")
    gateway.provider.script(status(400))
    assert await department.run(Catches, "Fail") == Outcome("no answer", "provider-rejected")


async def test_cancelling_the_workflow_cancels_and_settles_the_run(gateway: Gateway, department: Department):
    gateway.provider.script(Hang(answer("never")))
    received = gateway.provider.stats.received
    used, reserved = await gateway.budget("acme")
    handle = await department.start(Asks, "Stop me")
    await gateway.provider.until(lambda stats: stats.received > received, PATIENCE)
    await handle.cancel()
    with pytest.raises(WorkflowFailureError) as failed:
        await handle.result()
    assert isinstance(failed.value.cause, CancelledError)
    [outcome, admitted] = await gateway.records(await newest(gateway))
    assert (outcome["kind"], admitted["kind"]) == ("cancelled", "admitted")
    now_used, now_reserved = await gateway.budget("acme")
    assert (now_used - used, now_reserved) == (outcome["fields"]["prompt_tokens"], reserved)


@pytest.mark.parametrize("name", ["triage-0001", "inf.acme.short", ""])
async def test_the_endpoint_cancels_runs_and_nothing_else(name: str):
    """Whoever may call an endpoint may ask it to cancel what they name."""
    with pytest.raises(HandlerError):
        await _Infer().cancel_workflow_run(None, CancelWorkflowRunOptions(workflow_id=name))


async def test_a_start_that_another_tenant_signed_is_refused_and_recorded(gateway: Gateway, department: Department):
    theirs = department.plugin.signer.new_run_id()
    body = {"model": "fake", "prompt": "Not mine to ask"}
    async with team_member(gateway, "globex", "globex-app") as other:
        signed = await other.plugin.signer.sign(theirs, request_hash(body))
        foreign = AssayPlugin(other.team, other.keys, endpoint=ENDPOINT)
        client = await Client.connect(gateway.local.temporal.address, namespace=NAMESPACE, plugins=[foreign])
        async with Worker(client, task_queue="foreign", workflows=[CallsTheEndpoint]):
            arguments = [NexusStart(theirs, body, signed.context), PATIENCE]
            handle = await client.start_workflow(
                CallsTheEndpoint.run, args=arguments, id="foreign", task_queue="foreign"
            )

            async def recorded() -> bool:
                return bool(await gateway.records(theirs))

            await eventually(recorded, PATIENCE)
            await handle.terminate()  # the refusal is under acme's key: it is not theirs to read, ever
    [record] = await gateway.records(theirs)
    assert (record["tenant"], record["refusal"]) == ("system", "invalid-context")


async def test_a_stranger_starts_no_run(gateway: Gateway, department: Department):
    run_id = department.plugin.signer.new_run_id()
    plain = await Client.connect(gateway.local.temporal.address, namespace=NAMESPACE)
    async with Worker(plain, task_queue="stranger", workflows=[CallsTheEndpoint]):
        said = await plain.execute_workflow(
            CallsTheEndpoint.run, args=[NexusStart(run_id, {}, "x.y"), 3], id="stranger", task_queue="stranger"
        )
    assert said == "TimeoutError"
    assert gateway.temporal_cli("workflow", "describe", "--workflow-id", run_id).returncode != 0


async def test_a_client_of_another_namespace_is_told_to_ask_from_workflows(department: Department):
    with pytest.raises(ValueError, match="Nexus"):
        AssayClient(department.client, department.plugin)
