"""Rates, policies, clients and secrets in memory."""

import hashlib
from collections.abc import Mapping, Sequence

from adapters.clients_vault import require_client
from domain import rates
from domain.budgets import Rate, RateDecision
from domain.clients import ClientEntry, TeamEntry
from domain.ports import Clock
from domain.refusals import Kind, Refusal


class MemoryRates:
    """A ``RateLimiter`` of one process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._arrivals: dict[tuple[str, str], float] = {}

    async def take(self, tenant: str, caller: str, rate: Rate) -> RateDecision:
        known = self._arrivals.get((tenant, caller))
        arrival, decision = rates.take(known, self._clock.now().timestamp(), rate)
        self._arrivals[(tenant, caller)] = arrival
        return decision


class MemoryPolicies:
    """A ``PolicyStore`` of one process."""

    def __init__(self) -> None:
        self._documents: dict[str, bytes] = {}
        self._current: str | None = None

    async def put(self, document: bytes) -> str:
        policy_hash = hashlib.sha256(document).hexdigest()
        self._documents[policy_hash] = document
        return policy_hash

    async def get(self, policy_hash: str) -> bytes | None:
        return self._documents.get(policy_hash)

    async def make_current(self, policy_hash: str) -> None:
        self._current = policy_hash

    async def current(self) -> str | None:
        return self._current


class MemoryDirectory:
    """A ``ClientDirectory`` of one process."""

    def __init__(self, *entries: ClientEntry) -> None:
        self._entries = {entry.client_id: entry for entry in entries}

    async def get(self, client_id: str) -> ClientEntry | None:
        return self._entries.get(client_id)

    async def put(self, entry: ClientEntry) -> None:
        require_client(entry)
        self._entries[entry.client_id] = entry

    async def list(self) -> Sequence[ClientEntry]:
        return [self._entries[name] for name in sorted(self._entries)]


class MemoryTeams:
    """A ``TeamDirectory`` of given teams."""

    def __init__(self, *entries: TeamEntry) -> None:
        self.entries = {(entry.tenant, entry.client_id): entry for entry in entries}

    async def get(self, tenant: str, client_id: str) -> TeamEntry | None:
        return self.entries.get((tenant, client_id))


class MemorySecrets:
    """A ``SecretReader`` of given secrets."""

    def __init__(self, secrets: Mapping[str, Mapping[str, str]]) -> None:
        self._secrets = secrets

    async def read(self, path: str) -> Mapping[str, str]:
        if path not in self._secrets:
            raise Refusal(Kind.NOT_FOUND, "there is no such secret")
        return self._secrets[path]
