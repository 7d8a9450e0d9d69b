"""Which role grants what, and what a tenant may be called."""

import pytest

from domain.access.principals import SYSTEM_TENANT, Action, Role, known_roles, require_action, require_tenant
from domain.refusals import Kind, Refusal

GRANTS = {
    Role.AI_OPERATOR: {Action.SUBMIT, Action.READ_OWN_RUN, Action.CANCEL_OWN_RUN, Action.READ_LOG},
    Role.REVIEWER: {Action.READ_OWN_RUN, Action.READ_LOG},
    Role.AUDITOR: {
        *(Action.READ_LOG, Action.READ_AUDIT, Action.READ_OWN_RUN, Action.READ_ANY_RUN),
        *(Action.DECODE_PAYLOAD, Action.READ_HOLDS, Action.PLACE_HOLD, Action.RELEASE_HOLD),
    },
    Role.ADMIN: {
        *(Action.READ_LOG, Action.READ_AUDIT, Action.READ_OWN_RUN, Action.READ_ANY_RUN),
        *(Action.DECODE_PAYLOAD, Action.READ_HOLDS, Action.PLACE_HOLD, Action.RELEASE_HOLD, Action.ERASE),
    },
}


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("action", Action)
def test_a_role_grants_what_the_table_says(role: Role, action: Action):
    if action in GRANTS[role]:
        require_action(frozenset({role}), action)
        return
    with pytest.raises(Refusal) as refused:
        require_action(frozenset({role}), action)
    assert refused.value.kind is Kind.FORBIDDEN


@pytest.mark.parametrize("action", Action)
def test_no_role_grants_nothing(action: Action):
    with pytest.raises(Refusal):
        require_action(frozenset(), action)


def test_roles_add_up():
    require_action(frozenset({Role.AUDITOR, Role.AI_OPERATOR}), Action.SUBMIT)


def test_unknown_roles_are_dropped():
    assert known_roles(["root", "reviewer", "Admin", ""]) == {Role.REVIEWER}


@pytest.mark.parametrize("name", ["a", "acme", "acme-2", "0", "-", "a" * 40])
def test_a_tenant_may_be_called(name: str):
    assert require_tenant(name) == name


@pytest.mark.parametrize("name", ["", "Acme", "a.b", "a b", "a" * 41, "acme\n", "ａ", "../x", SYSTEM_TENANT])
def test_a_tenant_may_not_be_called(name: str):
    with pytest.raises(Refusal) as refused:
        require_tenant(name)
    assert (refused.value.kind, refused.value.field) == (Kind.INVALID_REQUEST, "tenant")
