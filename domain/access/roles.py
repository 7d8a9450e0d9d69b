"""Default access rules: the actions that each role grants."""

from domain.access.principals import Action, Principal, Role
from domain.access.resources import AccessDecision, Resource

_OVERSIGHT = frozenset(
    {
        *(Action.READ_LOG, Action.READ_AUDIT, Action.READ_OWN_RUN, Action.READ_ANY_RUN, Action.DECODE_PAYLOAD),
        *(Action.READ_HOLDS, Action.PLACE_HOLD, Action.RELEASE_HOLD),
    }
)
_GRANTS: dict[Role, frozenset[Action]] = {
    Role.AI_OPERATOR: frozenset({Action.SUBMIT, Action.READ_OWN_RUN, Action.CANCEL_OWN_RUN, Action.READ_LOG}),
    Role.REVIEWER: frozenset({Action.READ_OWN_RUN, Action.READ_LOG}),
    Role.AUDITOR: _OVERSIGHT,
    Role.ADMIN: _OVERSIGHT | {Action.ERASE},
}


class RoleRules:
    """``AccessRules`` by the principal's roles alone, whatever the resource."""

    async def decide(self, principal: Principal, action: Action, resource: Resource) -> AccessDecision:
        """See ``AccessRules``."""
        if any(action in _GRANTS[role] for role in principal.roles):
            return AccessDecision(permitted=True)
        return AccessDecision(permitted=False, reason=f"none of the caller's roles grants '{action}'")
