"""Rates, policies, clients and secrets in memory."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from adapters.vault.clients import require_client
from domain.access.clients import ClientEntry, TeamEntry
from domain.budgets.values import Rate, RateDecision
from domain.ports import Clock
from domain.refusals import Kind, Refusal
from tests.doubles import rates


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


class MemoryPayloads:
    """A ``PayloadStore`` of one process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.stored: dict[bytes, tuple[datetime, str, bytes]] = {}
        self.outage: Refusal | None = None
        """Raised by every method while set: the store is away."""
        self.asked_in_vain = 0

    async def put(self, tenant: str, workflow_id: str, content: bytes) -> bytes:
        self._require_store()
        digest = hashlib.sha256(content).digest()
        self.stored[digest] = (self._clock.now(), workflow_id, content)
        return digest

    async def get(self, digest: bytes) -> bytes | None:
        self._require_store()
        found = self.stored.get(digest)
        return found[2] if found else None

    async def old_workflows(self, older_than: timedelta, after: str, most: int) -> Sequence[str]:
        old = {self.stored[digest][1] for digest in self._old(older_than)}
        return sorted(workflow for workflow in old if workflow > after)[:most]

    async def purge(self, older_than: timedelta, workflow_ids: Sequence[str]) -> int:
        gone = [digest for digest in self._old(older_than) if self.stored[digest][1] in workflow_ids]
        for digest in gone:
            del self.stored[digest]
        return len(gone)

    def _old(self, older_than: timedelta) -> list[bytes]:
        self._require_store()
        if older_than < timedelta(days=4):
            raise Refusal(Kind.INTERNAL, "payloads of runs that may still be open can't be purged")
        horizon = self._clock.now() - older_than
        return [digest for digest, (at, _, _) in self.stored.items() if at < horizon]

    def _require_store(self) -> None:
        if self.outage is not None:
            self.asked_in_vain += 1
            raise self.outage
