"""Authorisation: the tenant boundary first, then the rules; without a decision, access is refused."""

from typing import final

import structlog

from domain.access.ports import AccessRules
from domain.access.principals import Action, Principal
from domain.access.resources import Resource
from domain.access.roles import RoleRules
from domain.refusals import Kind, Refusal

log = structlog.get_logger(__name__)


@final
class TenantAccess:
    """``AccessDecider`` over rules, called for the principal's own tenant only."""

    def __init__(self, rules: AccessRules) -> None:
        """Take the rules."""
        self._rules = rules

    async def require(self, principal: Principal, action: Action, resource: Resource) -> None:
        """See ``AccessDecider``."""
        if resource.tenant != principal.tenant:
            raise Refusal(Kind.FORBIDDEN, "belongs to another tenant")
        try:
            decision = await self._rules.decide(principal, action, resource)
            permitted, reason = decision.permitted is True, decision.reason
        except Exception as error:  # noqa: BLE001 - whatever was raised, nothing was permitted; its text may quote anything
            log.error("access.undecided", error=type(error).__name__, action=action.value, caller=principal.caller)
            permitted, reason = False, "access can't be decided now"
        if not permitted:
            raise Refusal(Kind.FORBIDDEN, reason or f"'{action}' is not permitted for this caller")


def role_access() -> TenantAccess:
    """Return the default decider: by role, within the principal's tenant."""
    return TenantAccess(RoleRules())
