"""Events of now, each with an identity of its own: records lie in the month that their event's ID begins with."""

import secrets
import time
from typing import Any
from uuid import UUID

from domain.identity import event_id
from domain.records.fields import (
    AccessFields,
    AdmittedFields,
    ApiKeyFields,
    ArchiveFields,
    ErasureFields,
    EventFields,
    HoldFields,
    HoldReleaseFields,
    NoFields,
    OutcomeFields,
    PolicyChangedFields,
    ReadingFields,
    StageRefusalFields,
)
from domain.records.records import EventKind


def new_event_id() -> UUID:
    """Return a new event."""
    return event_id(time.time_ns() // 1_000_000, "acme", "some workflow", secrets.token_hex(8), "outcome")


def fields_for(kind: EventKind, **given: Any) -> EventFields:
    """Open fields of that kind, as few as it may have; ``given`` ones for events of runs alone."""
    if kind is EventKind.ADMITTED:
        return AdmittedFields(**{"reserved_tokens": 0, **given})
    return _FEW[kind] if kind in _FEW else OutcomeFields(**given)


_ACCESS = AccessFields(caller="c" * 32)
_READING = ReadingFields(caller="c" * 32, roles=(), filters=(), count=0)
_ARCHIVE = ArchiveFields(log="acme", month="2026-01", rows=0, file_sha256="0" * 64)
_API_KEY = ApiKeyFields(caller="c" * 32, roles=(), key="k")
_FEW: dict[EventKind, EventFields] = {
    **dict.fromkeys((EventKind.HELD, EventKind.DECIDED, EventKind.KEY_ROTATED, EventKind.KILL_SWITCH), NoFields()),
    **dict.fromkeys((EventKind.PAYLOAD_DECODED, EventKind.SESSION_OPENED), _ACCESS),
    **dict.fromkeys((EventKind.RECORDS_READ, EventKind.EXPORTED), _READING),
    **dict.fromkeys((EventKind.ARCHIVED, EventKind.RESTORED), _ARCHIVE),
    **dict.fromkeys((EventKind.API_KEY_CREATED, EventKind.API_KEY_ROTATED, EventKind.API_KEY_REVOKED), _API_KEY),
    EventKind.STAGE_REFUSED: StageRefusalFields(refusal="unproven-stage", stage="close_request"),
    EventKind.ERASED: ErasureFields(caller="c" * 32, about="a" * 64),
    EventKind.HOLD_PLACED: HoldFields(caller="c" * 32, about=None),
    EventKind.HOLD_RELEASED: HoldReleaseFields(caller="c" * 32, decision="released", hold=""),
    EventKind.POLICY_CHANGED: PolicyChangedFields(policy="e" * 64, policy_before=None, login="l"),
}
