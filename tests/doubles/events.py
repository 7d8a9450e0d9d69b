"""Events of now, each with an identity of its own: records lie in the month that their event's ID begins with."""

import secrets
import time
from typing import Any
from uuid import UUID

from domain.identity import event_id
from domain.records.fields import AdmittedFields, OutcomeFields
from domain.records.records import EventKind


def new_event_id() -> UUID:
    """An event that nobody recorded yet."""
    return event_id(time.time_ns() // 1_000_000, "acme", "some workflow", secrets.token_hex(8), "outcome")


def fields_for(kind: EventKind, **given: Any) -> AdmittedFields | OutcomeFields:
    """Open fields of a run's event of that kind."""
    return AdmittedFields(**{"reserved_tokens": 0, **given}) if kind is EventKind.ADMITTED else OutcomeFields(**given)
