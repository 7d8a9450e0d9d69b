"""The default decision about access: by role, behind a wall that no role opens."""

import pytest

from domain.access.principals import Action, Principal, Role
from domain.access.roles import Resource, RoleAccess
from domain.refusals import Kind, Refusal

RUN = "inf.acme." + "a" * 32


def principal(*roles: Role, tenant: str = "acme") -> Principal:
    return Principal(tenant, "alice", "console", frozenset(roles), "c" * 32)


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.ADMIN])
@pytest.mark.parametrize("run", [None, RUN])
async def test_auditors_and_admins_decode_in_their_tenant(role: Role, run: str | None):
    await RoleAccess().require(principal(role), Action.DECODE_PAYLOAD, Resource("acme", run))


@pytest.mark.parametrize("roles", [(), (Role.AI_OPERATOR,), (Role.REVIEWER,), (Role.AI_OPERATOR, Role.REVIEWER)])
async def test_nobody_else_does(roles: tuple[Role, ...]):
    with pytest.raises(Refusal) as refused:
        await RoleAccess().require(principal(*roles), Action.DECODE_PAYLOAD, Resource("acme"))
    assert refused.value.kind is Kind.FORBIDDEN


@pytest.mark.parametrize("tenant", ["globex", "system", "", "acme "])
async def test_no_role_reaches_into_another_tenant(tenant: str):
    with pytest.raises(Refusal) as refused:
        await RoleAccess().require(principal(*Role), Action.DECODE_PAYLOAD, Resource(tenant, RUN))
    assert refused.value.kind is Kind.FORBIDDEN
