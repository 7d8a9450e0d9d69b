"""Names of tenants, and roles of tokens."""

import pytest

from domain.access.principals import SYSTEM_TENANT, Role, known_roles, require_tenant
from domain.refusals import Kind, Refusal


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
