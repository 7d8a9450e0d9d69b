"""Authorisation: by role, within the principal's tenant, and refused wherever it can't be decided."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from domain.access.principals import Action, AuthenticationMethod, Principal, Role
from domain.access.resources import AccessDecision, Resource, ResourceKind
from domain.access.roles import RoleRules
from domain.refusals import Kind, Refusal
from services.access import TenantAccess, role_access
from tests.doubles.principals import principal as a_principal

RUN = Resource("acme", ResourceKind.RUN, "inf.acme." + "a" * 32, "a-model")
_OVERSIGHT = {
    *(Action.READ_LOG, Action.READ_AUDIT, Action.READ_OWN_RUN, Action.READ_ANY_RUN),
    *(Action.DECODE_PAYLOAD, Action.READ_HOLDS, Action.PLACE_HOLD, Action.RELEASE_HOLD),
}
GRANTS = {
    Role.AI_OPERATOR: {
        *(Action.SUBMIT, Action.READ_OWN_RUN, Action.CANCEL_OWN_RUN, Action.READ_LOG, Action.MANAGE_OWN_KEYS),
    },
    Role.REVIEWER: {Action.READ_OWN_RUN, Action.READ_LOG},
    Role.AUDITOR: _OVERSIGHT,
    Role.ADMIN: {*_OVERSIGHT, Action.ERASE, Action.MANAGE_ANY_KEY},
}


def principal(*roles: Role) -> Principal:
    return a_principal(roles=frozenset(roles))


class Rules:
    """Rules that give the same answer to everything, or raise it."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer
        self.asked: list[Resource] = []

    async def decide(self, principal: Principal, action: Action, resource: Resource) -> AccessDecision:
        self.asked.append(resource)
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


async def refusal_of(access: TenantAccess, who: Principal, action: Action, resource: Resource) -> Refusal | None:
    try:
        await access.require(who, action, resource)
    except Refusal as refusal:
        return refusal
    return None


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("kind", ResourceKind)
async def test_a_role_grants_what_the_table_lists(role: Role, action: Action, kind: ResourceKind):
    refused = await refusal_of(role_access(), principal(role), action, Resource("acme", kind))
    assert (refused is None) == (action in GRANTS[role])
    if refused is not None:
        assert refused.kind is Kind.FORBIDDEN
        assert refused.detail == f"none of the caller's roles grants '{action.value}'"


@pytest.mark.parametrize("action", Action)
async def test_no_role_grants_nothing(action: Action):
    assert await refusal_of(role_access(), principal(), action, RUN)


async def test_roles_add_up():
    assert await refusal_of(role_access(), principal(Role.AUDITOR, Role.AI_OPERATOR), Action.SUBMIT, RUN) is None


@pytest.mark.parametrize("tenant", ["globex", "system", "", "acme ", "Acme"])
async def test_no_role_and_no_rule_reaches_into_another_tenant(tenant: str):
    permissive = Rules(AccessDecision(permitted=True))
    for access in (role_access(), TenantAccess(permissive)):
        for action in Action:
            refused = await refusal_of(access, principal(*Role), action, Resource(tenant, ResourceKind.RUN, RUN.run))
            assert refused.kind is Kind.FORBIDDEN
    assert permissive.asked == []


async def test_rules_get_the_whole_resource():
    rules = Rules(AccessDecision(permitted=True))
    await TenantAccess(rules).require(principal(), Action.SUBMIT, RUN)
    assert rules.asked == [RUN]


@pytest.mark.parametrize(
    "answer",
    [
        RuntimeError("a canary in an exception"),
        Refusal(Kind.STORE_UNAVAILABLE, "a canary in a refusal"),
        TimeoutError(),
        None,
        True,
        "permit",
        AccessDecision(permitted="yes"),
        AccessDecision(permitted=1),
    ],
)
async def test_without_a_decision_that_permits_access_is_refused(answer: Any):
    with capture_logs() as logs:
        refused = await refusal_of(TenantAccess(Rules(answer)), principal(*Role), Action.SUBMIT, RUN)
    assert refused.kind is Kind.FORBIDDEN
    assert "canary" not in f"{refused.detail}{logs}"
    assert refused.__cause__ is None


async def test_a_refusal_gives_the_rules_reason():
    refused = await refusal_of(
        TenantAccess(Rules(AccessDecision(permitted=False, reason="not on Sundays"))), principal(), Action.SUBMIT, RUN
    )
    assert refused.detail == "not on Sundays"


async def test_the_default_rules_decide_by_role_alone():
    assert (await RoleRules().decide(principal(Role.ADMIN), Action.ERASE, RUN)).permitted


@pytest.mark.parametrize("action", Action)
async def test_an_api_key_is_permitted_no_more_than_runs_and_proofs_whatever_rules_say(action: Action):
    rules = Rules(AccessDecision(permitted=True))
    who = a_principal(roles=frozenset(Role), method=AuthenticationMethod.API_KEY)
    refused = await refusal_of(TenantAccess(rules), who, action, RUN)
    permitted = {Action.SUBMIT, Action.READ_OWN_RUN, Action.CANCEL_OWN_RUN, Action.READ_LOG}
    assert (refused is None) == (action in permitted)
    assert bool(rules.asked) == (action in permitted)
