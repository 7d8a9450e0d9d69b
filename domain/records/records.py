"""Records of events: their open fields, their sealed ones, and the bytes that digests and content MACs cover."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from domain.records.fields import (
    AccessFields,
    AdmittedFields,
    ApiKeyFields,
    ArchiveFields,
    DropFields,
    EdgeRefusalFields,
    ErasureFields,
    EventFields,
    HoldFields,
    HoldReleaseFields,
    NoFields,
    OutcomeFields,
    PolicyChangedFields,
    ReadingFields,
    RefusalSummaryFields,
    StageRefusalFields,
    TenantErasureFields,
    open_fields,
)

SCHEMA_VERSION = 2
"""Version of the stored row and its digest: 2 added ``subject`` and ``subject_key``."""

CONTENT_MAC = "content_mac"
"""Name of the keyed digest, as a column and among the open fields."""
_CONTENT_VERSION = 1


class EventKind(StrEnum):
    """Kinds of recorded events."""

    ADMITTED = "admitted"
    BLOCKED = "blocked"
    REFUSED = "refused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    STAGE_REFUSED = "stage_refused"
    HELD = "held"
    DECIDED = "decided"
    PAYLOAD_DECODED = "payload_decoded"
    SESSION_OPENED = "session_opened"
    RECORDS_READ = "records_read"
    EXPORTED = "exported"
    ERASED = "erased"
    HOLD_PLACED = "hold_placed"
    HOLD_RELEASED = "hold_released"
    ARCHIVED = "archived"
    RESTORED = "restored"
    POLICY_CHANGED = "policy_changed"
    API_KEY_CREATED = "api_key_created"
    API_KEY_ROTATED = "api_key_rotated"
    API_KEY_REVOKED = "api_key_revoked"
    KEY_ROTATED = "key_rotated"
    KILL_SWITCH = "kill_switch"


@dataclass(frozen=True, slots=True)
class EncryptedFields:
    """Encrypted fields, under the key of the data subject, or of the tenant without one.

    ``actor`` is the officer who acted for the tenant: it is not the data subject, and survives that person's erasure.
    """

    subject: str | None = None
    end_user: str | None = None
    client_id: str | None = None
    source: str | None = None
    prompt: str | None = None
    answer: str | None = None
    actor: str | None = None
    reason: str | None = None

    @property
    def data_subject(self) -> str | None:
        """Return the data subject: the end user if named, otherwise the token's subject."""
        return self.end_user or self.subject


_OUTCOME: tuple[type[EventFields], ...] = (OutcomeFields,)
_FIELDS_OF: Mapping[EventKind, tuple[type[EventFields], ...]] = {
    EventKind.ADMITTED: (AdmittedFields,),
    EventKind.BLOCKED: _OUTCOME,
    EventKind.REFUSED: (OutcomeFields, EdgeRefusalFields, RefusalSummaryFields, DropFields),
    EventKind.COMPLETED: _OUTCOME,
    EventKind.FAILED: _OUTCOME,
    EventKind.CANCELLED: _OUTCOME,
    EventKind.STAGE_REFUSED: (StageRefusalFields, RefusalSummaryFields),
    EventKind.PAYLOAD_DECODED: (AccessFields,),
    EventKind.SESSION_OPENED: (AccessFields,),
    EventKind.RECORDS_READ: (ReadingFields,),
    EventKind.EXPORTED: (ReadingFields,),
    EventKind.ERASED: (ErasureFields, TenantErasureFields),
    EventKind.HOLD_PLACED: (HoldFields,),
    EventKind.HOLD_RELEASED: (HoldReleaseFields,),
    EventKind.ARCHIVED: (ArchiveFields,),
    EventKind.RESTORED: (ArchiveFields,),
    EventKind.POLICY_CHANGED: (PolicyChangedFields,),
    EventKind.API_KEY_CREATED: (ApiKeyFields,),
    EventKind.API_KEY_ROTATED: (ApiKeyFields,),
    EventKind.API_KEY_REVOKED: (ApiKeyFields,),
    **dict.fromkeys((EventKind.HELD, EventKind.DECIDED, EventKind.KEY_ROTATED, EventKind.KILL_SWITCH), (NoFields,)),
}
"""The field sets of each kind."""


@dataclass(frozen=True, slots=True)
class Record:
    """An event to be recorded. ``recorded_at`` is aware, UTC.

    Raises:
        ValueError: ``fields`` are not of this kind of event.
    """

    event_id: UUID
    tenant: str
    kind: EventKind
    recorded_at: datetime
    fields: EventFields
    sealed: EncryptedFields
    workflow_id: str | None = None
    run_id: str | None = None

    def __post_init__(self) -> None:
        """Refuse fields of another kind of event."""
        if type(self.fields) not in _FIELDS_OF[self.kind]:
            raise ValueError(f"an event '{self.kind}' is not recorded with {type(self.fields).__name__}")


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A stored record of the log.

    ``ciphertext`` is the encrypted part: under the key ``subject_key`` of the data subject with the keyed hash
    ``subject``, which the tenant's data key ``key_id`` wraps; without a data subject, under a key derived from the data
    key.
    """

    event_id: UUID
    schema: int
    tenant: str
    kind: EventKind
    recorded_at: datetime
    workflow_id: str | None
    run_id: str | None
    subject: str | None
    fields: Mapping[str, Any]
    key_id: str
    subject_key: UUID | None
    ciphertext: bytes
    digest: bytes


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical(value: object) -> bytes:
    """Return canonical JSON: sorted names, no spaces, UTF-8."""
    return _CANONICAL.encode(value).encode()


def encrypted_fields(fields: EncryptedFields) -> bytes:
    """Return the encrypted fields that are set, as canonical JSON: the plaintext of the encrypted part."""
    named = ((name, getattr(fields, name)) for name in fields.__slots__)
    return canonical({name: value for name, value in named if value is not None})


def repeatable_content(record: Record) -> bytes:
    """Return the content shared by two appends of the same event: everything but times, keys and ciphertext."""
    return canonical(
        {
            "schema": _CONTENT_VERSION,
            "event_id": str(record.event_id),
            "tenant": record.tenant,
            "kind": record.kind.value,
            "workflow_id": record.workflow_id,
            "run_id": record.run_id,
            "fields": open_fields(record.fields),
            "sealed": encrypted_fields(record.sealed).decode(),
        }
    )


def fields_with_mac(record: Record, content_mac: bytes) -> dict[str, Any]:
    """Return a record's open fields with its keyed digest, for the stored digest."""
    return {**open_fields(record.fields), CONTENT_MAC: content_mac.hex()}


def has_evidence(fields: Mapping[str, Any], *, content_mac: bytes, recorded_at: datetime, stored_at: datetime) -> bool:
    """Compare the columns outside the digest with the fields inside. True for records of earlier releases."""
    return CONTENT_MAC not in fields or (fields[CONTENT_MAC], stored_at) == (content_mac.hex(), recorded_at)


def record_digest(
    record: Record,
    *,
    key_id: str,
    ciphertext: bytes,
    subject: str | None = None,
    subject_key: UUID | None = None,
    content_mac: bytes | None = None,
) -> bytes:
    """Return the digest of a record that is about to be stored: see ``stored_digest``.

    Without ``content_mac`` that of earlier releases, whose fields don't have it.
    """
    return stored_digest(
        event_id=record.event_id,
        schema=SCHEMA_VERSION,
        tenant=record.tenant,
        kind=record.kind.value,
        recorded_at=record.recorded_at,
        workflow_id=record.workflow_id,
        run_id=record.run_id,
        subject=subject,
        fields=open_fields(record.fields) if content_mac is None else fields_with_mac(record, content_mac),
        key_id=key_id,
        subject_key=subject_key,
        ciphertext=ciphertext,
    )


def stored_digest(
    *,
    event_id: UUID,
    schema: int,
    tenant: str,
    kind: str,
    recorded_at: datetime,
    workflow_id: str | None,
    run_id: str | None,
    subject: str | None,
    fields: Mapping[str, Any],
    key_id: str,
    subject_key: UUID | None,
    ciphertext: bytes,
) -> bytes:
    """Return SHA-256 over a stored record: open fields, keys' IDs, ciphertext, never plaintext of the encrypted part.

    Times are in UTC, to the microsecond. Schema 1 had no ``subject`` and no ``subject_key``.
    """
    row: dict[str, object] = {
        "schema": schema,
        "event_id": str(event_id),
        "tenant": tenant,
        "kind": kind,
        "recorded_at": recorded_at.isoformat(timespec="microseconds"),
        "workflow_id": workflow_id,
        "run_id": run_id,
        "fields": fields,
        "key_id": key_id,
        "ciphertext": hashlib.sha256(ciphertext).hexdigest(),
    }
    if schema > 1:
        row["subject"] = subject
        row["subject_key"] = str(subject_key) if subject_key else None
    return hashlib.sha256(canonical(row)).digest()
