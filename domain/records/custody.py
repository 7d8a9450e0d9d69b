"""Erasure and legal hold: states and records.

Actions of an officer are recorded under the tenant's key: erasing a person, the officer included, keeps the record of
the erasure or hold readable.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from domain.access.principals import SYSTEM_TENANT, Principal
from domain.identity import event_id
from domain.records.fields import ErasureFields, EventFields, HoldFields, HoldReleaseFields, TenantErasureFields
from domain.records.records import EncryptedFields, EventKind, Record

_MS = 1000


class HoldState(StrEnum):
    """States of a legal hold. It is in force until it is released."""

    STANDING = "standing"
    RELEASE_MARKED = "release_marked"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Hold:
    """A legal hold on a data subject's records, or the tenant's if ``subject`` is None.

    ``subject``, and the persons who placed and released it, are keyed hashes.
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
        """Return its state."""
        if self.released_at is not None:
            return HoldState.RELEASED
        return HoldState.STANDING if self.first_release_at is None else HoldState.RELEASE_MARKED


def erasure_record(officer: Principal, subject: str, now: datetime, tag: str) -> Record:
    """Return the record that ``officer`` erased the keys of the data subject ``subject``. ``tag`` is a random name."""
    return _record(officer, EventKind.ERASED, now, tag, ErasureFields(caller=officer.caller, about=subject))


def hold_record(officer: Principal, subject: str | None, reason: str, now: datetime, tag: str) -> Record:
    """Return the record that ``officer`` placed a hold with this event's ID. The reason is encrypted: it may name
    persons.
    """
    return _record(
        officer, EventKind.HOLD_PLACED, now, tag, HoldFields(caller=officer.caller, about=subject), reason=reason
    )


def release_records(officer: Principal, hold: UUID, now: datetime, tag: str) -> tuple[Record, Record]:
    """Return the records of a hold's mark for release and of its release."""
    marked, released = (
        _record(
            officer,
            EventKind.HOLD_RELEASED,
            now,
            f"{tag}/{step}",
            HoldReleaseFields(caller=officer.caller, decision=step.value, hold=str(hold)),
        )
        for step in (HoldState.RELEASE_MARKED, HoldState.RELEASED)
    )
    return marked, released


def tenant_erasure_record(tenant: str, now: datetime, tag: str) -> Record:
    """Return the record that an operator erased a tenant. In the log ``system``, without an encrypted part, since the
    tenant's own key is deleted.
    """
    return Record(
        event_id=event_id(int(now.timestamp() * _MS), SYSTEM_TENANT, "custody", tag, EventKind.ERASED.value),
        tenant=SYSTEM_TENANT,
        kind=EventKind.ERASED,
        recorded_at=now,
        fields=TenantErasureFields(roles=("operator",), about_tenant=tenant),
        sealed=EncryptedFields(),
    )


def _record(
    officer: Principal, kind: EventKind, now: datetime, tag: str, fields: EventFields, *, reason: str | None = None
) -> Record:
    return Record(
        event_id=event_id(int(now.timestamp() * _MS), officer.tenant, "custody", tag, kind.value),
        tenant=officer.tenant,
        kind=kind,
        recorded_at=now,
        fields=fields,
        sealed=EncryptedFields(actor=officer.subject, client_id=officer.client_id, reason=reason),
    )
