"""A ``Custody`` in memory, with the semantics of the one in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from domain.ports import Clock
from domain.records.custody import Hold, HoldState
from domain.records.records import Record
from domain.refusals import Kind, Refusal


class MemoryCustody:
    """Keys and holds of one process. No method awaits between looking and changing, so each is a transaction."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._holds: dict[UUID, Hold] = {}
        self._erased: dict[UUID, int] = {}
        self.keys: dict[tuple[str, str], int] = {}
        """Return the number of a data subject's keys that are not erased."""
        self.records: dict[UUID, Record] = {}

    async def erase(self, subject: str, record: Record) -> int:
        if record.event_id not in self.records:
            standing = [hold for hold in self._of(record.tenant) if hold.state is not HoldState.RELEASED]
            if any(hold.subject in (None, subject) for hold in standing):
                raise Refusal(Kind.LEGAL_HOLD, "a legal hold covers data that was to be erased")
            self._erased[record.event_id] = self.keys.pop((record.tenant, subject), 0)
            self.records[record.event_id] = record
        return self._erased[record.event_id]

    async def place_hold(self, subject: str | None, by: str, record: Record) -> Hold:
        self.records[record.event_id] = record
        hold = Hold(record.event_id, record.tenant, subject, self._clock.now(), by)
        return self._holds.setdefault(hold.id, hold)

    async def release_hold(self, hold_id: UUID, by: str, records: tuple[Record, Record]) -> Hold:
        hold = self._holds.get(hold_id)
        if hold is None or hold.tenant != records[0].tenant:
            raise Refusal(Kind.NOT_FOUND, "there is no such legal hold")
        if hold.state is HoldState.RELEASED or any(record.event_id in self.records for record in records):
            return hold
        if hold.first_release_by == by:
            raise Refusal(Kind.DUAL_CONTROL_NEEDED, "the same person requested it before: a second person is required")
        now, is_last = self._clock.now(), hold.state is HoldState.RELEASE_MARKED
        done = {"released_by": by, "released_at": now} if is_last else {"first_release_by": by, "first_release_at": now}
        self._holds[hold_id] = replace(hold, **done)
        record = records[is_last]
        self.records[record.event_id] = record
        return self._holds[hold_id]

    async def holds(self, tenant: str) -> Sequence[Hold]:
        found = sorted(self._of(tenant), key=lambda hold: hold.placed_at, reverse=True)
        return sorted(found, key=lambda hold: hold.state is HoldState.RELEASED)

    def _of(self, tenant: str) -> list[Hold]:
        return [hold for hold in self._holds.values() if hold.tenant == tenant]
