"""Principals for tests."""

from domain.access.principals import AuthenticationMethod, Principal, Role


def principal(
    tenant: str = "acme",
    subject: str = "alice",
    client_id: str = "app",
    roles: frozenset[Role] = frozenset(),
    caller: str = "c" * 32,
    *,
    issuer: str | None = None,
    method: AuthenticationMethod = AuthenticationMethod.JWT,
) -> Principal:
    """A principal that Assay's own issuer vouches for, unless another is named."""
    return Principal(tenant, subject, client_id, roles, caller, issuer, method)
