"""Rates, policies, clients and secrets in memory."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from adapters.vault.clients import require_client
from domain.access.clients import ClientEntry, TeamEntry
from domain.budgets.values import Rate, RateDecision
from domain.policy.ports import StoredPolicy
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
    """The ``PolicyChanges`` of one process."""

    def __init__(self) -> None:
        self._documents: dict[str, bytes] = {}
        self._stored_at: dict[str, datetime] = {}
        self._turns: dict[str, datetime] = {}
        self._current: str | None = None
        self.outage: Refusal | None = None
        """Raised by every method while set: the store is away."""
        self.reads = 0

    async def put(self, document: bytes) -> str:
        self._require_store()
        policy_hash = hashlib.sha256(document).hexdigest()
        self._documents[policy_hash] = document
        self._stored_at.setdefault(policy_hash, datetime.now(UTC))
        return policy_hash

    async def get(self, policy_hash: str) -> bytes | None:
        self._require_store()
        self.reads += 1
        await asyncio.sleep(0)
        return self._documents.get(policy_hash)

    async def make_current(self, policy_hash: str | None) -> str | None:
        self._require_store()
        before, self._current = self._current, policy_hash
        if policy_hash is not None and before != policy_hash:
            self._turns.pop(policy_hash, None)
            self._turns[policy_hash] = datetime.now(UTC)
        return before

    async def current(self) -> str | None:
        self._require_store()
        return self._current

    async def stored(self) -> tuple[StoredPolicy, ...]:
        self._require_store()
        never = [name for name in self._documents if name not in self._turns]
        return tuple(
            StoredPolicy(
                *(name, self._stored_at[name], self._turns.get(name)),
                "v-memory-operator" if name in self._turns else None,
                name == self._current,
            )
            for name in (*reversed(self._turns), *reversed(never))
        )

    def _require_store(self) -> None:
        if self.outage is not None:
            raise self.outage


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
