"""What is recorded of reading payloads in plaintext: who, which run, when; and that a browser was let in to do so.

Reading a page of Temporal's UI decodes dozens of payloads. One record a person, run and window of time says what there
is to say: its ID is the same for all of them, and so is its content.
"""

from datetime import datetime

from domain.identity import event_id
from domain.principals import Principal
from domain.records import EventKind, OpenFields, Record, SealedFields
from domain.sessions import SessionClaims

WINDOW_SECONDS = 300
_MS = 1000


def window_start_ms(now: datetime) -> int:
    """When the window that ``now`` lies in began, in milliseconds since the epoch."""
    return int(now.timestamp()) // WINDOW_SECONDS * WINDOW_SECONDS * _MS


def decoded_record(principal: Principal, workflow_id: str, now: datetime) -> Record:
    """The record that ``principal`` read payloads of a run in plaintext, in the window that ``now`` lies in."""
    identity = (principal.tenant, workflow_id, principal.caller, EventKind.PAYLOAD_DECODED.value)
    return Record(
        event_id=event_id(window_start_ms(now), *identity),
        tenant=principal.tenant,
        kind=EventKind.PAYLOAD_DECODED,
        recorded_at=now,
        fields=OpenFields(caller=principal.caller),
        sealed=_who(principal),
        workflow_id=workflow_id,
    )


def session_record(claims: SessionClaims, now: datetime) -> Record:
    """The record that a ticket opened a session. One a ticket: a repeat of it is a second use."""
    principal = claims.principal
    issued_ms = int(claims.issued_at.timestamp()) * _MS
    return Record(
        event_id=event_id(issued_ms, principal.tenant, "session", claims.jti, EventKind.SESSION_OPENED.value),
        tenant=principal.tenant,
        kind=EventKind.SESSION_OPENED,
        recorded_at=now,
        fields=OpenFields(caller=principal.caller, roles=tuple(sorted(role.value for role in principal.roles))),
        sealed=_who(principal),
    )


def _who(principal: Principal) -> SealedFields:
    return SealedFields(subject=principal.subject, client_id=principal.client_id)
