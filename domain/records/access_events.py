"""Records of access: reads and exports of the log, decoded payloads, browser sessions, and API keys.

Viewing a page of Temporal's UI decodes dozens of payloads. One record per person, run and window of time suffices: its
ID and content are the same for all of them.
"""

from datetime import UTC, datetime

from domain.access.principals import Principal
from domain.access.sessions import SessionClaims
from domain.identity import event_id
from domain.records.fields import AccessFields, ApiKeyFields, ReadingFields
from domain.records.records import EncryptedFields, EventKind, Record

WINDOW_SECONDS = 300
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
    """Return the record of one access. ``tag`` is random, so that each is a separate event.

    ``workflow_id`` is the run whose records were read, if it was a single run's.
    """
    return Record(
        event_id=event_id(int(now.timestamp() * _MS), principal.tenant, "reading", tag, kind.value),
        tenant=principal.tenant,
        kind=kind,
        recorded_at=now,
        fields=ReadingFields(
            caller=principal.caller,
            roles=tuple(sorted(role.value for role in principal.roles)),
            filters=filters,
            count=count,
        ),
        sealed=EncryptedFields(subject=principal.subject, client_id=principal.client_id),
        workflow_id=workflow_id,
    )


def window_start_ms(now: datetime) -> int:
    """Return the start of the window of ``now``, in milliseconds since the epoch."""
    return int(now.timestamp()) // WINDOW_SECONDS * WINDOW_SECONDS * _MS


def decoded_record(principal: Principal, workflow_id: str, now: datetime) -> Record:
    """Return the record that ``principal`` read a run's payloads in plaintext, in ``now``'s window."""
    identity = (principal.tenant, workflow_id, principal.caller, EventKind.PAYLOAD_DECODED.value)
    return Record(
        event_id=event_id(window_start_ms(now), *identity),
        tenant=principal.tenant,
        kind=EventKind.PAYLOAD_DECODED,
        recorded_at=now,
        fields=AccessFields(caller=principal.caller),
        sealed=_who(principal),
        workflow_id=workflow_id,
    )


def session_record(claims: SessionClaims, now: datetime) -> Record:
    """Return the record that a ticket opened a session. One per ticket: a repeat is a second use."""
    principal = claims.principal
    issued_ms = int(claims.issued_at.timestamp()) * _MS
    return Record(
        event_id=event_id(issued_ms, principal.tenant, "session", claims.jti, EventKind.SESSION_OPENED.value),
        tenant=principal.tenant,
        kind=EventKind.SESSION_OPENED,
        recorded_at=now,
        fields=AccessFields(caller=principal.caller, roles=tuple(sorted(role.value for role in principal.roles))),
        sealed=_who(principal),
    )


def api_key_record(
    kind: EventKind,
    principal: Principal,
    now: datetime,
    tag: str,
    *,
    key: str,
    key_before: str | None = None,
    expires_at: datetime | None = None,
) -> Record:
    """Return the record that ``principal`` made, rotated or revoked the API key ``key``, an ID. ``tag`` is random."""
    return Record(
        event_id=event_id(int(now.timestamp() * _MS), principal.tenant, "api-key", tag, kind.value),
        tenant=principal.tenant,
        kind=kind,
        recorded_at=now,
        fields=ApiKeyFields(
            caller=principal.caller,
            roles=tuple(sorted(role.value for role in principal.roles)),
            key=key,
            key_before=key_before,
            expires_at=None if expires_at is None else expires_at.astimezone(UTC).isoformat(),
        ),
        sealed=_who(principal),
    )


def _who(principal: Principal) -> EncryptedFields:
    return EncryptedFields(subject=principal.subject, client_id=principal.client_id)
