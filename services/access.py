"""Authorisation: the tenant boundary and that of API keys first, then the rules; without a decision, a refusal."""

from typing import final

import structlog

from domain.access.ports import AccessRules
from domain.access.principals import Action, AuthenticationMethod, Principal
from domain.access.resources import Resource
from domain.access.roles import KEY_ACTIONS, RoleRules
from domain.refusals import Kind, Refusal

log = structlog.get_logger(__name__)


@final
class TenantAccess:
    """``AccessDecider`` over rules, within the principal's own tenant and the limits of API keys."""

    def __init__(self, rules: AccessRules) -> None:
        """Take the rules."""
        self._rules = rules

    async def require(self, principal: Principal, action: Action, resource: Resource) -> None:
        """See ``AccessDecider``."""
        if resource.tenant != principal.tenant:
            raise Refusal(Kind.FORBIDDEN, "belongs to another tenant")
        if principal.method is AuthenticationMethod.API_KEY and action not in KEY_ACTIONS:
            raise Refusal(Kind.FORBIDDEN, f"'{action}' is not permitted with an API key")
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
