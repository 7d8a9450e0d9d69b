"""Starts that Assay's API has not countersigned: the tenant is proven, and all else is what Assay itself knows."""

import json
from dataclasses import replace

import pytest

from config.settings import Settings
from domain.access.clients import TeamEntry
from domain.access.principals import Action, AuthenticationMethod, Principal
from domain.access.resources import Resource, ResourceKind
from domain.identity import caller_hash
from domain.records.records import EventKind
from domain.refusals import Kind, Refusal
from tests.workflows.conftest import Bench
from worker.build import build_worker

BODY = {"model": "fake", "prompt": "Hello"}
TEAM = {"client_id": "triage", "subject": "client:triage", "roles": (), "policy": ""}


def let_in(bench: Bench, roles: tuple[str, ...] = ("ai_operator",)) -> None:
    bench.teams.entries["acme", "triage"] = TeamEntry("acme", "triage", "client:triage", roles, "2026-01-01")


@pytest.fixture(autouse=True)
async def current(bench: Bench) -> None:
    await bench.policies.make_current(bench.policy)


async def test_a_team_gets_an_answer_under_the_current_policy_and_its_own_name(bench: Bench):
    let_in(bench)
    result = await bench.run(BODY, countersigner=None, **TEAM)
    assert (result.status, result.problem) == ("completed", None)
    records = bench.records(result.id)
    caller = caller_hash(await bench.identity.tenant_key("acme"), "acme", "triage", "client:triage", issuer=None)
    for record in records:
        assert (record.tenant, record.fields.caller, record.fields.policy) == ("acme", caller, bench.policy)
        assert (record.sealed.subject, record.sealed.client_id) == ("client:triage", "triage")
        assert record.fields.roles == ("ai_operator",)


async def test_the_current_policy_is_pinned_by_the_first_stage(bench: Bench):
    let_in(bench)
    changed = json.loads(await bench.policies.get(bench.policy))
    changed["limits"]["quota"]["tokens_per_day"] += 1
    other = await bench.policies.put(json.dumps(changed, sort_keys=True, separators=(",", ":")).encode())

    async def another_policy_meanwhile() -> str:
        await bench.policies.make_current(other)
        return "fine"

    bench.model.script = [another_policy_meanwhile]
    first = await bench.run(BODY, countersigner=None, **TEAM)
    second = await bench.run(BODY, countersigner=None, **TEAM)
    assert {record.fields.policy for record in bench.records(first.id)} == {bench.policy}
    assert {record.fields.policy for record in bench.records(second.id)} == {other}


async def test_a_team_that_was_not_let_in_is_refused_and_recorded_as_nobody(bench: Bench):
    result = await bench.run(BODY, countersigner=None, **TEAM)
    assert (result.status, result.problem.kind) == ("refused", "forbidden")
    [record] = bench.records(result.id)
    assert (record.kind, record.tenant, record.fields.caller) == (EventKind.REFUSED, "acme", None)


@pytest.mark.parametrize("claim", [{"subject": "client:billing"}, {"client_id": "billing"}, {"client_id": "../x"}])
async def test_a_team_is_nobody_else(bench: Bench, claim):
    let_in(bench)
    result = await bench.run(BODY, countersigner=None, **{**TEAM, **claim})
    assert (result.status, result.problem.kind) == ("refused", "forbidden")
    assert bench.model.calls == []


async def test_a_team_has_the_roles_that_it_was_given(bench: Bench):
    let_in(bench, roles=("auditor",))
    result = await bench.run(BODY, countersigner=None, **{**TEAM, "roles": ("ai_operator", "admin")})
    assert (result.status, result.problem.kind) == ("refused", "forbidden")
    [record] = bench.records(result.id)
    assert record.fields.roles == ("auditor",)


async def test_a_team_chooses_no_policy(bench: Bench):
    let_in(bench)
    result = await bench.run(BODY, countersigner=None, **{**TEAM, "policy": bench.policy})
    assert (result.status, result.problem.kind) == ("refused", "invalid-context")
    assert [record.tenant for record in bench.records(result.id)] == ["system"]


async def test_a_team_names_no_issuer(bench: Bench):
    let_in(bench)
    result = await bench.run(BODY, countersigner=None, **{**TEAM, "issuer": "https://idp.example"})
    assert (result.status, result.problem.kind) == ("refused", "invalid-context")
    assert [record.tenant for record in bench.records(result.id)] == ["system"]


@pytest.mark.parametrize("claim", [{"api_key": "0" * 11}, {"models": ("fake",)}, {"models": ()}])
async def test_a_team_claims_no_api_key(bench: Bench, claim: dict[str, object]):
    let_in(bench)
    result = await bench.run(BODY, countersigner=None, **TEAM, **claim)
    assert (result.status, result.problem.kind) == ("refused", "invalid-context")


async def test_a_run_by_api_key_keeps_to_the_keys_models_and_its_records_name_the_key(bench: Bench):
    by_key = {"method": "api_key", "api_key": "0" * 11}
    refused = await bench.run(BODY, **by_key, models=("another",))
    assert (refused.status, refused.problem.kind) == ("refused", "unknown-model")
    result = await bench.run(BODY, **by_key, models=("fake",))
    assert result.status == "completed"
    assert {record.fields.key for record in bench.records(result.id)} == {"0" * 11}
    assert {record.fields.key for record in bench.records(refused.id)} == {"0" * 11}


async def test_a_team_makes_no_further_attempt(bench: Bench):
    let_in(bench)
    first = await bench.run(BODY, countersigner=None, **TEAM)
    result = await bench.run(BODY, countersigner=None, **TEAM, workflow_id=f"{first.id}.2")
    assert (first.status, result.status, result.problem.kind) == ("completed", "refused", "invalid-context")


async def test_without_a_current_policy_nothing_is_answered(bench: Bench):
    let_in(bench)
    await bench.policies.make_current(None)
    result = await bench.run(BODY, countersigner=None, **TEAM)
    assert (result.status, result.problem.kind) == ("refused", "unknown-policy")


async def test_the_api_vouches_for_whoever_it_authenticated(bench: Bench):
    result = await bench.run(BODY, subject="somebody", client_id="web")
    caller = caller_hash(await bench.identity.tenant_key("acme"), "acme", "web", "somebody", issuer=None)
    assert {record.fields.caller for record in bench.records(result.id)} == {caller}


@pytest.mark.parametrize("method", [None, *AuthenticationMethod])
async def test_the_same_subject_of_another_issuer_is_another_caller(bench: Bench, method: str | None):
    key = await bench.identity.tenant_key("acme")
    idp = "https://idp.example"
    callers = set()
    for issuer in (None, idp):
        result = await bench.run(BODY, issuer=issuer, method=method)
        assert result.status == "completed"
        callers |= {record.fields.caller for record in bench.records(result.id)}
    assert callers == {caller_hash(key, "acme", "app", "alice", issuer=issuer) for issuer in (None, idp)}


async def test_an_unknown_authentication_method_is_refused(bench: Bench):
    result = await bench.run(BODY, method="palm-reading")
    assert (result.status, result.problem.kind) == ("refused", "invalid-context")


async def test_the_right_to_submit_is_decided_with_principal_run_and_model(bench: Bench):
    asked = []

    class Recording:
        async def require(self, principal: Principal, action: Action, resource: Resource) -> None:
            asked.append((principal, action, resource))
            raise Refusal(Kind.FORBIDDEN, "not today")

    await bench.worker.shutdown()
    async with build_worker(bench.env.client, Settings(), replace(bench.ports, access=Recording())):
        result = await bench.run(BODY, issuer="https://idp.example", method="api_key")
    assert (result.status, result.problem.kind, result.problem.detail) == ("refused", "forbidden", "not today")
    [(principal, action, resource)] = asked
    assert (principal.subject, principal.issuer, principal.method) == (
        *("alice", "https://idp.example"),
        AuthenticationMethod.API_KEY,
    )
    assert (action, resource) == (Action.SUBMIT, Resource("acme", ResourceKind.RUN, result.id, "fake"))
