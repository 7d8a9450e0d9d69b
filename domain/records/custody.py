"""Erasure and legal hold: what stands, and what is recorded of it.

What an officer of the tenant does is recorded under the tenant's key: erasing a person, the officer included, leaves
readable who erased and who held.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.access.principals import SYSTEM_TENANT, Principal
from domain.identity import event_id
from domain.records.records import EventKind, OpenFields, Record, SealedFields

_MS = 1000


class HoldState(StrEnum):
    """How a hold stands. It holds until it is released."""

    STANDING = "standing"
    RELEASE_MARKED = "release_marked"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Hold:
    """A legal hold on a person's records, or on all of the tenant's where ``subject`` is None.

    ``subject`` and who placed and released it are keyed hashes of persons.
    """

    id: UUID
    tenant: str
    subject: str | None
    placed_at: datetime
    placed_by: str
    first_release_by: str | None = None
    first_release_at: datetime | None = None
    released_by: str | None = None
    released_at: datetime | None = None

    @property
    def state(self) -> HoldState:
        """How it stands."""
        if self.released_at is not None:
            return HoldState.RELEASED
        return HoldState.STANDING if self.first_release_at is None else HoldState.RELEASE_MARKED


def erasure_record(officer: Principal, subject: str, now: datetime, tag: str) -> Record:
    """That ``officer`` had the keys of the person with the keyed hash ``subject`` erased; ``tag`` is a random name."""
    return _record(officer, EventKind.ERASED, now, tag, OpenFields(caller=officer.caller, about=subject))


def hold_record(officer: Principal, subject: str | None, reason: str, now: datetime, tag: str) -> Record:
    """That ``officer`` placed a hold, whose ID is that of this event. The reason is sealed: it may name persons."""
    return _record(
        officer, EventKind.HOLD_PLACED, now, tag, OpenFields(caller=officer.caller, about=subject), reason=reason
    )


def release_records(officer: Principal, hold: UUID, now: datetime, tag: str) -> tuple[Record, Record]:
    """That ``officer`` marked a hold for release, and that ``officer`` released it: one of the two is recorded."""
    marked, released = (
        _record(
            officer,
            EventKind.HOLD_RELEASED,
            now,
            f"{tag}/{step}",
            OpenFields(caller=officer.caller, decision=step.value, hold=str(hold)),
        )
        for step in (HoldState.RELEASE_MARKED, HoldState.RELEASED)
    )
    return marked, released


def tenant_erasure_record(tenant: str, now: datetime, tag: str) -> Record:
    """That an operator erased a tenant. In the log ``system``, since the tenant's own key goes; nothing is sealed."""
    return Record(
        event_id=event_id(int(now.timestamp() * _MS), SYSTEM_TENANT, "custody", tag, EventKind.ERASED.value),
        tenant=SYSTEM_TENANT,
        kind=EventKind.ERASED,
        recorded_at=now,
        fields=OpenFields(roles=("operator",), about_tenant=tenant),
        sealed=SealedFields(),
    )


def _record(
    officer: Principal, kind: EventKind, now: datetime, tag: str, fields: OpenFields, *, reason: str | None = None
) -> Record:
    return Record(
        event_id=event_id(int(now.timestamp() * _MS), officer.tenant, "custody", tag, kind.value),
        tenant=officer.tenant,
        kind=kind,
        recorded_at=now,
        fields=fields,
        sealed=SealedFields(actor=officer.subject, client_id=officer.client_id, reason=reason),
    )
