"""What is recorded of a request. Fields are an allow-list: what has no field here is not recorded."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

SCHEMA_VERSION = 1


class EventKind(StrEnum):
    """Kinds of recorded events."""

    ADMITTED = "admitted"
    BLOCKED = "blocked"
    REFUSED = "refused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PAYLOAD_DECODED = "payload_decoded"
    SESSION_OPENED = "session_opened"


@dataclass(frozen=True, slots=True)
class OpenFields:
    """Fields kept readable: none is personal, none quotes a prompt or an answer."""

    caller: str | None = None
    roles: tuple[str, ...] = ()
    model: str | None = None
    policy: str | None = None
    decision: str | None = None
    refusal: str | None = None
    rules: tuple[str, ...] = ()
    score: float | None = None
    detectors: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    reserved_tokens: int | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    usage_estimated: bool | None = None
    prompt_commitment: str | None = None
    answer_commitment: str | None = None
    method: str | None = None
    route: str | None = None
    status: int | None = None


@dataclass(frozen=True, slots=True)
class SealedFields:
    """Fields kept encrypted under the tenant's key."""

    subject: str | None = None
    client_id: str | None = None
    source: str | None = None
    prompt: str | None = None
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """An event to be recorded. ``recorded_at`` is aware, UTC."""

    event_id: UUID
    tenant: str
    kind: EventKind
    recorded_at: datetime
    fields: OpenFields
    sealed: SealedFields
    workflow_id: str | None = None
    run_id: str | None = None


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record as it lies in the log. ``ciphertext`` is the sealed part under the data key ``key_id``."""

    event_id: UUID
    tenant: str
    kind: EventKind
    recorded_at: datetime
    workflow_id: str | None
    run_id: str | None
    fields: Mapping[str, Any]
    key_id: str
    ciphertext: bytes
    digest: bytes


def canonical(value: object) -> bytes:
    """Canonical JSON: sorted names, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def open_fields(fields: OpenFields) -> dict[str, Any]:
    """The open fields that are set, ready for JSON."""
    return {name: value for name, value in _set_fields(fields) if value != ()}


def sealed_fields(fields: SealedFields) -> bytes:
    """The sealed fields that are set, as canonical JSON: the plaintext of the record's encrypted part."""
    return canonical(dict(_set_fields(fields)))


def _set_fields(fields: OpenFields | SealedFields) -> Iterator[tuple[str, Any]]:
    """The fields that are set. Not by ``asdict``, which copies every value, however deep."""
    for name in fields.__slots__:
        if (value := getattr(fields, name)) is not None:
            yield name, value


def repeatable_content(record: Record) -> bytes:
    """What two appends of the same event have in common: everything but times and ciphertext."""
    return canonical(
        {
            "schema": SCHEMA_VERSION,
            "event_id": str(record.event_id),
            "tenant": record.tenant,
            "kind": record.kind.value,
            "workflow_id": record.workflow_id,
            "run_id": record.run_id,
            "fields": open_fields(record.fields),
            "sealed": sealed_fields(record.sealed).decode(),
        }
    )


def record_digest(record: Record, key_id: str, ciphertext: bytes) -> bytes:
    """SHA-256 over a record as it is stored: open fields, key ID and ciphertext, never plaintext of the sealed part."""
    return stored_digest(
        event_id=record.event_id,
        tenant=record.tenant,
        kind=record.kind.value,
        recorded_at=record.recorded_at,
        workflow_id=record.workflow_id,
        run_id=record.run_id,
        fields=open_fields(record.fields),
        key_id=key_id,
        ciphertext=ciphertext,
    )


def stored_digest(
    *,
    event_id: UUID,
    tenant: str,
    kind: str,
    recorded_at: datetime,
    workflow_id: str | None,
    run_id: str | None,
    fields: Mapping[str, Any],
    key_id: str,
    ciphertext: bytes,
) -> bytes:
    """The digest of a stored row, for whoever verifies one. Times are compared to the microsecond, UTC."""
    return hashlib.sha256(
        canonical(
            {
                "schema": SCHEMA_VERSION,
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
        )
    ).digest()
