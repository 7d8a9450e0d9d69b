"""A ``Ledger`` in memory, with the semantics of the one in PostgreSQL."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from adapters.vault.identity import DerivedIdentityKeys
from domain.budgets.values import (
    Admitted,
    AlreadyAdmitted,
    AlreadyRecorded,
    Appended,
    BegunCalls,
    OutcomeOfAnotherRun,
    QuotaSpent,
    QuotaState,
    RecordConflict,
    Reservation,
)
from domain.identity import subject_hash
from domain.ports import Clock
from domain.records.fields import open_fields
from domain.records.ports import EVERY_RECORD
from domain.records.queries import RecordCursor, RecordFilter
from domain.records.records import (
    SCHEMA_VERSION,
    EventKind,
    Record,
    StoredRecord,
    encrypted_fields,
    record_digest,
    repeatable_content,
)
from domain.refusals import Kind, Refusal
from tests.doubles import quota
from tests.doubles.quota import Budget

_KEY_ID = "0" * 32


@dataclass
class _Held:
    tenant: str
    caller: str | None
    day: date
    tokens: int
    state: str = "held"
    calls: int = 0


class MemoryLedger:
    """Budgets and records of one process. No method awaits between looking and changing, so each is a transaction."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._budgets: dict[tuple[str, str, date], Budget] = {}
        self.reservations: dict[UUID, _Held] = {}
        self.records: dict[UUID, Record] = {}
        self.first_runs: dict[str, AlreadyAdmitted | AlreadyRecorded] = {}
        self.outage: Refusal | None = None
        """Raised by every method while set: the store is away."""

    async def admit(
        self, reservation: Reservation, record: Record
    ) -> Admitted | QuotaSpent | AlreadyAdmitted | AlreadyRecorded:
        self.require_store()
        if reservation.tenant != record.tenant:
            raise Refusal(Kind.INTERNAL, "a reservation and its record must have the same tenant")
        first = self.first_runs.get(record.workflow_id or "") if _takes_id(record) else None
        if isinstance(first, AlreadyRecorded):
            return first
        if first is not None and record.event_id not in self.records:
            others = [known for known in self.records.values() if known.workflow_id == record.workflow_id]
            if first.run_id != record.run_id or any(known.kind is EventKind.ADMITTED for known in others):
                return first
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
                raise Refusal(
                    Kind.INTERNAL, "the ledger rejected it: the reservation is closed, or belongs to another run"
                )
        admitted = Admitted(self._append(record))
        if _takes_id(record):
            self.first_runs.setdefault(str(record.workflow_id), AlreadyAdmitted(str(record.run_id)))
        return admitted

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
        first = self.first_runs.get(record.workflow_id or "") if _takes_id(record) else None
        new = record.event_id not in self.records
        held = self.reservations.get(reservation_id) if reservation_id else None
        holds = held is not None and held.state == "held"
        if isinstance(first, AlreadyRecorded) and first.run_id != record.run_id and new and not holds:
            raise OutcomeOfAnotherRun(first)
        if isinstance(first, AlreadyRecorded) and first.run_id == record.run_id and first.event_id != record.event_id:
            raise OutcomeOfAnotherRun(first)
        if reservation_id is not None and new:
            self._settle(reservation_id, actual_tokens, record.tenant)
        appended = self._append(record)
        if _takes_id(record) and (first is None or first == AlreadyAdmitted(str(record.run_id))):
            refusal = open_fields(record.fields).get("refusal")
            ended = AlreadyRecorded(str(record.run_id), record.event_id, record.kind.value, refusal)
            self.first_runs[str(record.workflow_id)] = ended
        return appended

    async def begin_call(self, reservation_id: UUID, tenant: str, most: int) -> int | None:
        self.require_store()
        held = self.reservations.get(reservation_id)
        if held is None or (held.tenant, held.state) != (tenant, "held") or held.calls >= most:
            return None
        held.calls += 1
        return held.calls

    async def begun_calls(self, reservation_id: UUID, tenant: str) -> BegunCalls:
        self.require_store()
        held = self.reservations.get(reservation_id)
        return BegunCalls(held.calls, held.tokens) if held is not None and held.tenant == tenant else BegunCalls()

    async def outcome(self, tenant: str, workflow_id: str) -> AlreadyAdmitted | AlreadyRecorded | None:
        self.require_store()
        return self.first_runs.get(workflow_id) if workflow_id.startswith(f"inf.{tenant}.") else None

    def _settle(self, reservation_id: UUID, actual: int, tenant: str) -> None:
        held = self.reservations.get(reservation_id)
        if held is None:
            held = _Held(tenant, None, quota.day_of(self._clock.now()), 0, "refunded")
        if held.tenant != tenant or (held.caller is None and actual > 0):
            raise Refusal(Kind.INTERNAL, "the ledger rejected it: the reservation is closed, or belongs to another run")
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

    def digest(self, event_id: UUID) -> bytes:
        """The digest of what is stored."""
        return _digest(self.records[event_id])

    def stored(self, event_id: UUID) -> StoredRecord:
        """Return the stored record as a reader gets it."""
        return _stored(self.records[event_id])

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
        self.erased: set[str | None] = set()
        """Keyed hashes of persons whose keys were erased."""

    async def search(
        self,
        *,
        tenant: str | None = None,
        workflow_id: str | None = None,
        where: RecordFilter = EVERY_RECORD,
        after: RecordCursor | None = None,
        limit: int = 50,
    ) -> Sequence[StoredRecord]:
        found = [
            _stored(record)
            for record in self._ledger.records.values()
            if tenant in (None, record.tenant) and workflow_id in (None, record.workflow_id)
        ]
        found = [record for record in found if matches(record, where) and (after is None or _key(record) < _key(after))]
        return sorted(found, key=_key, reverse=True)[: max(1, limit)]

    async def get(self, event_id: UUID, *, tenant: str | None = None) -> StoredRecord | None:
        record = self._ledger.records.get(event_id)
        return _stored(record) if record is not None and tenant in (None, record.tenant) else None

    async def unseal(self, record: StoredRecord) -> Mapping[str, Any]:
        if record.subject in self.erased:
            raise Refusal(Kind.NOT_FOUND, "the encryption key does not exist, or was erased")
        sealed = self._ledger.records[record.event_id].sealed
        return {name: getattr(sealed, name) for name in sealed.__slots__ if getattr(sealed, name) is not None}


def _key(place: StoredRecord | RecordCursor) -> tuple[datetime, UUID]:
    return place.recorded_at, place.event_id


def matches(record: StoredRecord, where: RecordFilter) -> bool:
    """Return True if a record matches the filter."""
    said = ((where.kind, record.kind), (where.run, record.workflow_id), (where.subject, record.subject))
    return (
        all(wanted in (None, found) for wanted, found in said)
        and where.caller in (None, record.fields.get("caller"))
        and (where.since is None or where.since <= record.recorded_at)
        and (where.until is None or record.recorded_at < where.until)
    )


def subject_of(record: Record) -> str | None:
    """The keyed hash of the person that a record is about, as ``FixedIdentity`` has it."""
    person = record.sealed.data_subject
    key = DerivedIdentityKeys(bytes(32)).of_tenant(record.tenant)
    return subject_hash(key, record.tenant, person) if person else None


def _takes_id(record: Record) -> bool:
    named = record.workflow_id is not None and record.workflow_id.startswith(f"inf.{record.tenant}.")
    return named and record.run_id is not None


def _digest(record: Record) -> bytes:
    subject = subject_of(record)
    return record_digest(record, key_id=_KEY_ID, ciphertext=encrypted_fields(record.sealed), subject=subject)


def _stored(record: Record) -> StoredRecord:
    return StoredRecord(
        event_id=record.event_id,
        schema=SCHEMA_VERSION,
        tenant=record.tenant,
        kind=record.kind,
        recorded_at=record.recorded_at,
        workflow_id=record.workflow_id,
        run_id=record.run_id,
        subject=subject_of(record),
        fields=open_fields(record.fields),
        key_id=_KEY_ID,
        subject_key=None,
        ciphertext=encrypted_fields(record.sealed),
        digest=_digest(record),
    )
