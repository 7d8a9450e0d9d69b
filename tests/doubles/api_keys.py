"""An ``ApiKeyStore`` in memory, with PostgreSQL's semantics, and counts of its queries."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from adapters.postgres.encryption.api_key_grants import GrantEncrypter
from domain.access.api_keys import ApiKey, KeyGrant, SealedApiKey
from domain.ports import Clock
from domain.records.records import Record
from domain.refusals import Kind, Refusal


class MemoryApiKeys:
    """Keys of one process. ``outage`` is raised by every query while set."""

    def __init__(self, clock: Clock, grants: GrantEncrypter) -> None:
        self._clock = clock
        self._grants = grants
        self.rows: dict[str, SealedApiKey] = {}
        self.records: list[Record] = []
        self.outage: Refusal | None = None
        self.finds = self.opens = self.writes = 0

    async def create(self, key: ApiKey, secret_hash: bytes, record: Record, *, most: int) -> None:
        self._require_store()
        mine = [row for row in self.rows.values() if (row.tenant, row.caller) == (key.tenant, key.caller)]
        if sum(row.times.ends_at is None and not self._ended(row) for row in mine) >= most:
            raise Refusal(Kind.FORBIDDEN, "the policy permits no more API keys at a time: revoke one first")
        await self._add(key, secret_hash, record)

    async def rotate(self, old_id: str, ends_at: datetime, key: ApiKey, secret_hash: bytes, record: Record) -> None:
        self._require_store()
        old = self.rows.get(old_id)
        same = old is not None and (old.tenant, old.caller, old.family) == (key.tenant, key.caller, key.family)
        if old is None or not same or old.times.ends_at is not None or self._ended(old):
            raise Refusal(Kind.NOT_FOUND, "there is no such API key, or it has ended or was replaced")
        now = self._clock.now()
        for row in list(self.rows.values()):
            if row.family == key.family and row.times.ends_at is not None and row.times.ends_at > now:
                self._change(row.id, ends_at=now)
        self._change(old_id, ends_at=min(ends_at, old.times.expires_at))
        await self._add(key, secret_hash, record)

    async def revoke(self, key_id: str, caller: str | None, record: Record) -> bool:
        self._require_store()
        row = self.rows.get(key_id)
        if row is None or row.tenant != record.tenant or caller not in (None, row.caller):
            return False
        if row.times.revoked_at is None:
            self._change(key_id, revoked_at=self._clock.now())
            self.records.append(record)
        return True

    async def find(self, key_id: str) -> SealedApiKey | None:
        self.finds += 1
        self._require_store()
        return self.rows.get(key_id)

    async def of_tenant(self, tenant: str, caller: str | None) -> Sequence[SealedApiKey]:
        self._require_store()
        found = [row for row in self.rows.values() if row.tenant == tenant and caller in (None, row.caller)]
        return sorted(found, key=lambda row: row.times.created_at, reverse=True)

    async def open(self, key: SealedApiKey) -> KeyGrant | None:
        self.opens += 1
        return await self._grants.open(key)

    async def note_uses(self, uses: Mapping[str, datetime]) -> None:
        self.writes += 1
        self._require_store()
        for key_id, at in uses.items():
            before = self.rows[key_id].times.last_used_at
            self._change(key_id, last_used_at=at if before is None else max(at, before))

    async def _add(self, key: ApiKey, secret_hash: bytes, record: Record) -> None:
        self.rows[key.id] = await self._grants.seal(key, secret_hash)
        self.records.append(record)

    def _change(self, key_id: str, **times: datetime) -> None:
        row = self.rows[key_id]
        self.rows[key_id] = replace(row, times=replace(row.times, **times))

    def _ended(self, row: SealedApiKey) -> bool:
        times = row.times
        ends = (times.expires_at, times.ends_at, times.revoked_at)
        return min(at for at in ends if at is not None) <= self._clock.now()

    def _require_store(self) -> None:
        if self.outage is not None:
            raise self.outage
