"""Services of API keys: verification, management, last uses."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from domain.access.api_keys import KeyLimits
from domain.access.ports import ClientDirectory
from domain.ports import Clock, IdentityKeys
from domain.records.ports import ApiKeyStore
from services.api_keys.authentication import ApiKeyAuthentication
from services.api_keys.last_use import LastUses
from services.api_keys.management import ApiKeys
from services.policies.current import CurrentPolicy


@dataclass(frozen=True)
class ApiKeyServices:
    """Services over one store, and the clients. ``limits`` are the current policy's of a tenant."""

    clients: ClientDirectory
    authentication: ApiKeyAuthentication
    management: ApiKeys
    uses: LastUses
    limits: Callable[[str], KeyLimits]

    @classmethod
    def over(
        cls,
        store: ApiKeyStore,
        clients: ClientDirectory,
        identities: IdentityKeys,
        policy: CurrentPolicy,
        clock: Clock,
        *,
        random_tag: Callable[[], str],
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> "ApiKeyServices":
        """Make the services. ``random_tag`` names events, ``random_bytes`` makes keys."""

        def limits(tenant: str) -> KeyLimits:
            return policy.pinned.policy.for_tenant(tenant).keys

        uses = LastUses(store)
        authentication = ApiKeyAuthentication(store, clients, identities, limits, uses, clock, random_bytes(32))
        management = ApiKeys(store, clients, identities, clock, random_tag, random_bytes, ended=authentication.forget)
        return cls(clients, authentication, management, uses, limits)
