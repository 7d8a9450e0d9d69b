"""Default access rules: the actions that each role grants, and those that API keys may have at most."""

from collections.abc import Collection
from typing import Final

from domain.access.principals import Action, Principal, Role, known_roles
from domain.access.resources import AccessDecision, Resource

KEY_ACTIONS: Final = frozenset({Action.SUBMIT, Action.READ_OWN_RUN, Action.CANCEL_OWN_RUN, Action.READ_LOG})
"""All that an API key can be permitted, whatever rules and roles say: no administration, audit, custody, nor keys."""

KEY_ROLES: Final = frozenset({Role.AI_OPERATOR})
"""Roles that an API key may have."""

_OVERSIGHT = frozenset(
    {
        *(Action.READ_LOG, Action.READ_AUDIT, Action.READ_OWN_RUN, Action.READ_ANY_RUN, Action.DECODE_PAYLOAD),
        *(Action.READ_HOLDS, Action.PLACE_HOLD, Action.RELEASE_HOLD),
    }
)
_GRANTS: dict[Role, frozenset[Action]] = {
    Role.AI_OPERATOR: KEY_ACTIONS | {Action.MANAGE_OWN_KEYS},
    Role.REVIEWER: frozenset({Action.READ_OWN_RUN, Action.READ_LOG}),
    Role.AUDITOR: _OVERSIGHT,
    Role.ADMIN: _OVERSIGHT | {Action.ERASE, Action.MANAGE_ANY_KEY},
}


def narrowed_roles(*granted: Collection[str]) -> frozenset[Role]:
    """Return the roles of an API key: those that it may have at all, and that each of ``granted`` contains."""
    return frozenset(role for role in KEY_ROLES if all(role in known_roles(names) for names in granted))


class RoleRules:
    """``AccessRules`` by the principal's roles alone, whatever the resource."""

    async def decide(self, principal: Principal, action: Action, resource: Resource) -> AccessDecision:
        """See ``AccessRules``."""
        if any(action in _GRANTS[role] for role in principal.roles):
            return AccessDecision(permitted=True)
        return AccessDecision(permitted=False, reason=f"none of the caller's roles grants '{action}'")
