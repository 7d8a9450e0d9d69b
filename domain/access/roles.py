"""Who may do what to what: the wall between tenants, which nothing opens, and the default decision, by role."""

from dataclasses import dataclass

from domain.access.principals import Action, Principal, require_action
from domain.refusals import Kind, Refusal


@dataclass(frozen=True, slots=True)
class Resource:
    """What an action is done to: one run of a tenant, or any of them where ``run`` is None."""

    tenant: str
    run: str | None = None


def require_own_tenant(principal: Principal, tenant: str) -> None:
    """Pass if it is the principal's own tenant.

    Raises:
        Refusal: FORBIDDEN, for every other one, ``system`` included.
    """
    if principal.tenant != tenant:
        raise Refusal(Kind.FORBIDDEN, "this is another tenant's")


class RoleAccess:
    """``AccessDecider`` by the principal's roles alone, whatever the run."""

    async def require(self, principal: Principal, action: Action, resource: Resource) -> None:
        """See ``AccessDecider``."""
        require_own_tenant(principal, resource.tenant)
        require_action(principal.roles, action)
