"""What is recorded of reading records in plaintext, and of taking them away: who, by which filters, how many."""

from datetime import datetime

from domain.identity import event_id
from domain.principals import Principal
from domain.records import EventKind, OpenFields, Record, SealedFields

_MS = 1000


def reading_record(
    kind: EventKind,
    principal: Principal,
    now: datetime,
    tag: str,
    *,
    filters: tuple[str, ...],
    count: int,
    workflow_id: str | None = None,
) -> Record:
    """The record of one reading. ``tag`` is random, so that each is an event of its own.

    ``workflow_id`` is the run whose records were read, where it was one run's alone.
    """
    return Record(
        event_id=event_id(int(now.timestamp() * _MS), principal.tenant, "reading", tag, kind.value),
        tenant=principal.tenant,
        kind=kind,
        recorded_at=now,
        fields=OpenFields(
            caller=principal.caller,
            roles=tuple(sorted(role.value for role in principal.roles)),
            filters=filters,
            count=count,
        ),
        sealed=SealedFields(subject=principal.subject, client_id=principal.client_id),
        workflow_id=workflow_id,
    )
