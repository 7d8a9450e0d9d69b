"""Records of requests. Fields are an allow-list: nothing else is recorded."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

SCHEMA_VERSION = 2
"""Version of the stored row and its digest: 2 added ``subject`` and ``subject_key``."""

_CONTENT_VERSION = 1


class EventKind(StrEnum):
    """Kinds of recorded events."""

    ADMITTED = "admitted"
    BLOCKED = "blocked"
    REFUSED = "refused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
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
    KEY_ROTATED = "key_rotated"
    KILL_SWITCH = "kill_switch"


@dataclass(frozen=True, slots=True)
class OpenFields:
    """Fields kept readable: none is personal, none quotes a prompt or an answer.

    ``about`` is the keyed hash of the person whom an erasure or a hold is about, ``about_tenant`` the tenant that was
    erased, ``hold`` the ID of a hold. ``count`` is how many refusals a record stands for, from ``first_at`` to
    ``last_at`` (RFC 3339); without it, one. Of a reading, it is how many records were read, and ``filters`` names the
    filters that were set, without their values. ``policy_before`` is the hash of the policy that was current before
    ``policy``. ``places`` are where rules matched in the messages, as ``rule@message:start-end`` in code points;
    ``monitored`` is what would have been decided, in monitor mode.
    ``login`` is the database login that made another policy current: Vault's audit log has who was given it.
    ``masked`` and ``redacted`` count, by kind, secrets and personal data that the model did not see.
    """

    caller: str | None = None
    roles: tuple[str, ...] = ()
    model: str | None = None
    policy: str | None = None
    policy_before: str | None = None
    login: str | None = None
    decision: str | None = None
    refusal: str | None = None
    rules: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    monitored: str | None = None
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
    about: str | None = None
    about_tenant: str | None = None
    hold: str | None = None
    log: str | None = None
    month: str | None = None
    rows: int | None = None
    file_sha256: str | None = None
    count: int | None = None
    first_at: str | None = None
    last_at: str | None = None
    filters: tuple[str, ...] = ()
    masked: Mapping[str, int] | None = None
    redacted: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class SealedFields:
    """Encrypted fields, under the key of the data subject, or of the tenant if there is none.

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
    def person(self) -> str | None:
        """Return the data subject: the end user if named, otherwise the token's subject."""
        return self.end_user or self.subject


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


def open_fields(fields: OpenFields) -> dict[str, Any]:
    """Return the open fields that are set, ready for JSON."""
    return {name: value for name, value in _set_fields(fields) if value != ()}


def sealed_fields(fields: SealedFields) -> bytes:
    """Return the encrypted fields that are set, as canonical JSON: the plaintext of the encrypted part."""
    return canonical(dict(_set_fields(fields)))


def _set_fields(fields: OpenFields | SealedFields) -> Iterator[tuple[str, Any]]:
    """Yield the fields that are set. Not by ``asdict``, which copies every value deeply."""
    for name in fields.__slots__:
        if (value := getattr(fields, name)) is not None:
            yield name, value


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
            "sealed": sealed_fields(record.sealed).decode(),
        }
    )


def record_digest(
    record: Record, *, key_id: str, ciphertext: bytes, subject: str | None = None, subject_key: UUID | None = None
) -> bytes:
    """Return the digest of a record that is about to be stored: see ``stored_digest``."""
    return stored_digest(
        event_id=record.event_id,
        schema=SCHEMA_VERSION,
        tenant=record.tenant,
        kind=record.kind.value,
        recorded_at=record.recorded_at,
        workflow_id=record.workflow_id,
        run_id=record.run_id,
        subject=subject,
        fields=open_fields(record.fields),
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
