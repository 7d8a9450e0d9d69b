"""A ``Ledger`` in memory, with the semantics of the one in PostgreSQL."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from domain import quota
from domain.budgets import Admitted, Appended, QuotaSpent, QuotaState, RecordConflict, Reservation
from domain.ports import Clock
from domain.quota import Budget
from domain.records import (
    SCHEMA_VERSION,
    Record,
    StoredRecord,
    open_fields,
    record_digest,
    repeatable_content,
    sealed_fields,
)
from domain.refusals import Kind, Refusal

_KEY_ID = "0" * 32


@dataclass
class _Held:
    tenant: str
    caller: str | None
    day: date
    tokens: int
    state: str = "held"


class MemoryLedger:
    """Budgets and records of one process. No method awaits between looking and changing, so each is a transaction."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._budgets: dict[tuple[str, str, date], Budget] = {}
        self.reservations: dict[UUID, _Held] = {}
        self.records: dict[UUID, Record] = {}
        self.outage: Refusal | None = None
        """Raised by every method while set: the store is away."""

    async def admit(self, reservation: Reservation, record: Record) -> Admitted | QuotaSpent:
        self.require_store()
        if reservation.tenant != record.tenant:
            raise Refusal(Kind.INTERNAL, "a reservation and its record are of one tenant")
        earlier = self.reservations.get(reservation.reservation_id)
        if record.event_id not in self.records:
            if earlier is None:
                day = quota.day_of(self._clock.now())
                account = (reservation.tenant, reservation.caller, day)
                budget = self._budgets.get(account, Budget())
                reserved = quota.reserve(budget, reservation.tokens, reservation.daily_limit)
                if reserved is None:
                    return QuotaSpent(quota.state(budget, reservation.daily_limit, self._clock.now()))
                self._budgets[account] = reserved
                self.reservations[reservation.reservation_id] = _Held(*account, reservation.tokens)
            elif (earlier.tenant, earlier.caller, earlier.state) != (reservation.tenant, reservation.caller, "held"):
                raise Refusal(Kind.INTERNAL, "the ledger refuses: the reservation is closed, or is another's")
        return Admitted(self._append(record))

    async def close(
        self,
        reservation_id: UUID | None,
        actual_tokens: int,
        record: Record,
        meanwhile: Callable[[bytes], Awaitable[None]] | None = None,
    ) -> Appended:
        self.require_store()
        if meanwhile is not None:
            await meanwhile(_digest(record))
        if reservation_id is not None and record.event_id not in self.records:
            self._settle(reservation_id, actual_tokens, record.tenant)
        return self._append(record)

    def _settle(self, reservation_id: UUID, actual: int, tenant: str) -> None:
        held = self.reservations.get(reservation_id)
        if held is None:
            held = _Held(tenant, None, quota.day_of(self._clock.now()), 0, "refunded")
        if held.tenant != tenant or (held.caller is None and actual > 0):
            raise Refusal(Kind.INTERNAL, "the ledger refuses: the reservation is closed, or is another's")
        self.reservations[reservation_id] = held
        if held.caller is not None and (held.state == "held" or (held.state == "refunded" and actual > 0)):
            account = (held.tenant, held.caller, held.day)
            reserved = held.tokens if held.state == "held" else 0
            self._budgets[account] = quota.settle(self._budgets[account], reserved, actual)
            held.state = "settled" if actual else "refunded"

    async def append(self, record: Record) -> Appended:
        self.require_store()
        return self._append(record)

    async def quota(self, tenant: str, caller: str, daily_limit: int) -> QuotaState:
        self.require_store()
        now = self._clock.now()
        return quota.state(self._budgets.get((tenant, caller, quota.day_of(now)), Budget()), daily_limit, now)

    def _append(self, record: Record) -> Appended:
        repeated = record.event_id in self.records
        stored = self.records.setdefault(record.event_id, record)
        if repeatable_content(stored) != repeatable_content(record):
            raise RecordConflict(record.event_id, stored.kind.value)
        digest = _digest(stored)
        return Appended(record.event_id, digest, stored.recorded_at, repeated)

    def require_store(self) -> None:
        if self.outage is not None:
            raise self.outage


class MemoryRecords:
    """A ``RecordReader`` over a ``MemoryLedger``. What is sealed lies open in the ciphertext."""

    def __init__(self, ledger: MemoryLedger) -> None:
        self._ledger = ledger

    async def search(
        self, *, tenant: str | None = None, workflow_id: str | None = None, limit: int = 50
    ) -> Sequence[StoredRecord]:
        found = [
            record
            for record in self._ledger.records.values()
            if tenant in (None, record.tenant) and workflow_id in (None, record.workflow_id)
        ]
        found.sort(key=lambda record: (record.recorded_at, record.event_id), reverse=True)
        return [_stored(record) for record in found[:limit]]

    async def unseal(self, record: StoredRecord) -> Mapping[str, Any]:
        sealed = self._ledger.records[record.event_id].sealed
        return {name: getattr(sealed, name) for name in sealed.__slots__ if getattr(sealed, name) is not None}


def _digest(record: Record) -> bytes:
    return record_digest(record, key_id=_KEY_ID, ciphertext=b"")


def _stored(record: Record) -> StoredRecord:
    return StoredRecord(
        event_id=record.event_id,
        schema=SCHEMA_VERSION,
        tenant=record.tenant,
        kind=record.kind,
        recorded_at=record.recorded_at,
        workflow_id=record.workflow_id,
        run_id=record.run_id,
        subject=None,
        fields=open_fields(record.fields),
        key_id=_KEY_ID,
        subject_key=None,
        ciphertext=sealed_fields(record.sealed),
        digest=_digest(record),
    )
