"""Whoever reaches the namespace can start a run. Only who holds the tenant's key can start one that gets anywhere."""

import json
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import Client, WorkflowFailureError

from adapters.system.clock import SystemClock
from adapters.vault.errors import new_client
from adapters.vault.identity import VaultIdentity
from adapters.vault.keyring import ServiceKeyRing
from adapters.vault.session import ServiceSession
from adapters.vault.setup.setup import issue_secret_id
from assay_temporal import start_context
from assay_temporal.contracts import WORKFLOW, InferenceResult, SignedRequest
from assay_temporal.start_context import StartContext
from config.settings import AppRoleSettings
from domain.identity import caller_hash, run_id
from domain.inference.parsing import request_hash
from tests.bad_requests import BAD_REQUESTS
from tests.fakes.behaviours import Hang, answer
from tests.gateway import Gateway, eventually

BODY: dict[str, Any] = {"model": "fake", "prompt": "Hello"}


@dataclass
class Insider:
    """Someone with the API's own credentials: reaches the namespace, holds the tenants' keys."""

    client: Client
    keyring: ServiceKeyRing
    identity: VaultIdentity
    policy: str

    async def context(self, body: Any, tenant: str = "acme", **changes: Any) -> StartContext:
        key = await self.identity.tenant_key(tenant)
        caller = caller_hash(key, tenant, "insider", "insider", issuer=None)
        made = StartContext(
            tenant=tenant,
            subject="insider",
            client_id="insider",
            roles=("ai_operator",),
            workflow_id=run_id(key, tenant, caller, secrets.token_hex(8)),
            request_hash=request_hash(body),
            policy=self.policy,
            expires_at=int(SystemClock().now().timestamp()) + 60,
        )
        return replace(made, **changes)

    async def sign(self, context: StartContext) -> str:
        return await start_context.sign(context, self.keyring, countersigner="system")

    async def start(self, argument: Any, workflow_id: str) -> InferenceResult:
        """Start the workflow and give its result."""
        handle = await self.client.start_workflow(
            WORKFLOW,
            argument,
            id=workflow_id,
            task_queue="assay",
            execution_timeout=timedelta(minutes=2),
            result_type=InferenceResult,
        )
        return await handle.result()


@pytest.fixture(scope="module")
async def insider(gateway: Gateway, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Insider]:
    root = new_client(gateway.local.vault, gateway.servers.vault_root_token)
    issued = issue_secret_id(root, "assay-api", "60s")
    root.adapter.close()
    place = tmp_path_factory.mktemp("insider")
    (place / "role").write_text(issued.role_id)
    (place / "secret").write_text(issued.wrapping_token)
    files = AppRoleSettings(role_id_file=place / "role", secret_id_file=place / "secret")
    session = ServiceSession(gateway.local.vault, files)
    await session.start()
    keyring = ServiceKeyRing(session, gateway.local.vault, SystemClock())
    [row] = await gateway.superuser("SELECT hash FROM assay.policy ORDER BY created_at DESC LIMIT 1")
    yield Insider(await gateway.temporal(keyring), keyring, VaultIdentity(session), row["hash"])
    await session.close()


async def refused(gateway: Gateway, result: InferenceResult, kind: str, tenant: str) -> None:
    """The run says so, and so does the record, in that tenant's log."""
    assert (result.status, result.problem.kind) == ("refused", kind)
    [record] = await gateway.records(result.id)
    assert (record["kind"], record["refusal"], record["tenant"]) == ("refused", kind, tenant)


async def test_a_signed_start_runs_without_the_api(gateway: Gateway, insider: Insider):
    context = await insider.context(BODY)
    result = await insider.start(SignedRequest(BODY, await insider.sign(context)), context.workflow_id)
    assert (result.status, result.problem) == ("completed", None)
    assert result.result.content
    assert {record["tenant"] for record in await gateway.records(result.id)} == {"acme"}


@pytest.mark.parametrize("token", ["", "x.y", None, 7, {"a": "b"}], ids=repr)
async def test_a_start_without_a_context_is_refused(gateway: Gateway, insider: Insider, token):
    context = await insider.context(BODY)
    result = await insider.start({"request": BODY, "context": token}, context.workflow_id)
    await refused(gateway, result, "invalid-context", "system")


@pytest.mark.parametrize("argument", [None, 7, "text", [], {}, {"request": BODY}, {"context": "x.y"}], ids=repr)
async def test_an_argument_that_is_no_signed_request_is_refused(gateway: Gateway, insider: Insider, argument):
    context = await insider.context(BODY)
    result = await insider.start(argument, context.workflow_id)
    assert result.status == "refused"
    assert [record["tenant"] for record in await gateway.records(result.id)] == ["system"]


async def test_a_copied_context_is_good_for_no_other_run_and_no_other_request(gateway: Gateway, insider: Insider):
    context = await insider.context(BODY)
    token = await insider.sign(context)
    other_run = (await insider.context(BODY)).workflow_id
    await refused(gateway, await insider.start(SignedRequest(BODY, token), other_run), "invalid-context", "system")
    dearer = {**BODY, "max_tokens": 1000}
    other_request = await insider.start(SignedRequest(dearer, token), context.workflow_id)
    await refused(gateway, other_request, "invalid-context", "system")


async def test_a_signed_start_that_is_used_again_is_charged_and_recorded_once(gateway: Gateway, insider: Insider):
    context = await insider.context(BODY)
    signed, received = SignedRequest(BODY, await insider.sign(context)), gateway.provider.stats.received
    results = [await insider.start(signed, context.workflow_id) for _ in range(20)]
    assert gateway.provider.stats.received == received + 1
    first, *others = results
    assert (first.status, first.problem) == ("completed", None)
    assert {(other.status, other.problem.kind, other.result) for other in others} == {
        ("completed", "already-recorded", None)
    }
    assert [record["kind"] for record in await gateway.records(context.workflow_id)] == ["completed", "admitted"]
    held = "SELECT f.run_id, f.kind, v.calls FROM assay.first_run f, assay.reservation v"
    held += " WHERE f.workflow_id = $1 AND v.id = assay.event_id(('x' || left(replace(f.outcome::text, '-', ''), 12))"
    held += "::bit(48)::bigint, 'acme', f.workflow_id, f.run_id, 'reservation')"
    [row] = await gateway.superuser(held, context.workflow_id)
    assert (row["kind"], row["calls"]) == ("completed", 1)
    assert others[0].problem.detail.count(row["run_id"]) == 1


async def test_a_delayed_or_cron_start_is_refused(gateway: Gateway, insider: Insider):
    for options in {"start_delay": timedelta(seconds=3)}, {"cron_schedule": "@every 1s"}:
        context = await insider.context(BODY)
        handle = await insider.client.start_workflow(
            WORKFLOW,
            SignedRequest(BODY, await insider.sign(context)),
            id=context.workflow_id,
            task_queue="assay",
            **options,
        )

        async def is_recorded(run: str = context.workflow_id) -> bool:
            return bool(await gateway.records(run))

        await eventually(is_recorded, 30)
        if "cron_schedule" in options:
            await insider.client.get_workflow_handle(handle.id).terminate()
        record, *_ = await gateway.records(context.workflow_id)
        assert (record["tenant"], record["refusal"]) == ("system", "invalid-context")


async def test_an_expired_context_is_refused(gateway: Gateway, insider: Insider):
    context = await insider.context(BODY, expires_at=int(SystemClock().now().timestamp()) - 5)
    token = await insider.sign(context)
    result = await insider.start(SignedRequest(BODY, token), context.workflow_id)
    await refused(gateway, result, "expired-context", "system")


async def test_one_tenant_cannot_start_anothers_run(gateway: Gateway, insider: Insider):
    theirs = await insider.context(BODY, tenant="acme")
    forged = replace(theirs, tenant="globex")
    token = await insider.sign(forged)
    result = await insider.start(SignedRequest(BODY, token), theirs.workflow_id)
    await refused(gateway, result, "invalid-context", "system")


async def test_the_policy_and_the_roles_of_a_start_count(gateway: Gateway, insider: Insider):
    for changes, kind in ({"policy": "0" * 64}, "unknown-policy"), ({"roles": ("auditor",)}, "forbidden"):
        context = await insider.context(BODY, **changes)
        token = await insider.sign(context)
        result = await insider.start(SignedRequest(BODY, token), context.workflow_id)
        await refused(gateway, result, kind, "acme")


WITHOUT_STORE = [bad for bad in BAD_REQUESTS if len(json.dumps(bad[1])) < 1_500_000]
"""Bad requests that Temporal takes without the store of large payloads."""


@pytest.mark.parametrize(("name", "body", "kind", "field"), WITHOUT_STORE, ids=[bad[0] for bad in WITHOUT_STORE])
async def test_a_bad_request_meets_the_same_refusal_inside(gateway: Gateway, insider: Insider, name, body, kind, field):
    context = await insider.context(body)
    result = await insider.start(SignedRequest(body, await insider.sign(context)), context.workflow_id)
    assert (result.problem.kind, result.problem.field) == (kind.value, field)
    [record] = await gateway.records(result.id)
    assert (record["tenant"], record["refusal"]) == ("acme", kind.value)


async def test_temporals_own_command_line_can_start_nothing(gateway: Gateway, insider: Insider):
    """In plaintext: what can't be authenticated is read as nothing, and nothing is signed."""
    context = await insider.context(BODY)
    token = await insider.sign(context)
    for name, arguments in {
        "signed": ["--input", json.dumps({"request": BODY, "context": token})],
        "nothing": [],
        "twice": ["--input", "1", "--input", "2"],
    }.items():
        workflow_id = context.workflow_id if name == "signed" else f"by-hand-{name}-{secrets.token_hex(4)}"
        started = gateway.temporal_cli(
            *("workflow", "start", "--task-queue", "assay", "--type", WORKFLOW, "--workflow-id", workflow_id),
            *arguments,
        )
        assert started.returncode == 0, started.stderr
        handle = insider.client.get_workflow_handle(workflow_id, result_type=InferenceResult)
        await refused(gateway, await handle.result(), "invalid-context", "system")


async def test_a_run_that_an_operator_ends_says_so(gateway: Gateway, insider: Insider):
    gateway.provider.script(Hang(answer("never")))
    received = gateway.provider.stats.received
    started = await gateway.post(BODY, "globex-app", headers={"Prefer": "respond-async"})
    public_id = started.json()["id"]
    await gateway.provider.until(lambda stats: stats.received > received)
    handle = insider.client.get_workflow_handle(public_id)
    await handle.terminate("for the test")
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    run = await gateway.until_ended(public_id, "globex-app")
    assert (run["status"], run["problem"]["type"]) == ("failed", "urn:assay:problem:run-terminated")
    gateway.provider.release()
