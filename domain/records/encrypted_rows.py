"""Stored form of an encrypted record, without plaintext of the encrypted part."""

import base64
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.records.records import SCHEMA_VERSION, Record, canonical


class KeyErased(Exception):
    """The key of an encrypted record was erased."""


@dataclass(frozen=True, slots=True)
class EncryptedRecord:
    """A record ready to be stored: the record in UTC, its open fields as canonical JSON, and the encrypted part."""

    record: Record
    subject: str | None
    fields_json: str
    key_id: str
    subject_key: UUID | None
    ciphertext: bytes = field(repr=False)
    content_mac: bytes = field(repr=False)
    digest: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class EncryptedRow:
    """The columns of ``assay.sealed_record``, in their order. ``fields`` is canonical JSON."""

    event_id: UUID
    schema: int
    tenant: str
    kind: str
    recorded_at: datetime
    workflow_id: str | None
    run_id: str | None
    subject: str | None
    fields: str
    key_id: str
    subject_key: UUID | None
    ciphertext: bytes = field(repr=False)
    content_mac: bytes = field(repr=False)
    digest: bytes = field(repr=False)

    def columns(self) -> tuple[object, ...]:
        """Return the values, in order. Not by ``astuple``, which copies each of them."""
        return tuple(getattr(self, name) for name in self.__slots__)

    def open_fields(self) -> dict[str, Any]:
        """Return the open fields that are set."""
        found: dict[str, Any] = json.loads(self.fields)
        return found


def row_of(sealed: EncryptedRecord) -> EncryptedRow:
    """Return the row of an encrypted record."""
    record = sealed.record
    return EncryptedRow(
        event_id=record.event_id,
        schema=SCHEMA_VERSION,
        tenant=record.tenant,
        kind=record.kind.value,
        recorded_at=record.recorded_at,
        workflow_id=record.workflow_id,
        run_id=record.run_id,
        subject=sealed.subject,
        fields=sealed.fields_json,
        key_id=sealed.key_id,
        subject_key=sealed.subject_key,
        ciphertext=sealed.ciphertext,
        content_mac=sealed.content_mac,
        digest=sealed.digest,
    )


def to_bytes(row: EncryptedRow) -> bytes:
    """Return the row as canonical JSON, binary values in base64 (RFC 4648)."""
    return canonical({name: _plain(getattr(row, name)) for name in row.__slots__})


def from_bytes(data: bytes) -> EncryptedRow:
    """Parse the output of ``to_bytes``.

    Raises:
        ValueError: for other bytes.
    """
    try:
        values = json.loads(data)
        for name in ("ciphertext", "content_mac", "digest"):
            values[name] = base64.b64decode(values[name], validate=True)
        for name in ("event_id", "subject_key"):
            values[name] = UUID(values[name]) if values[name] is not None else None
        values["recorded_at"] = datetime.fromisoformat(values["recorded_at"])
        return EncryptedRow(**values)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ValueError("not an encrypted record") from None


def _plain(value: object) -> object:
    match value:
        case bytes():
            return base64.b64encode(value).decode()
        case datetime():
            return value.isoformat()
        case UUID():
            return str(value)
        case _:
            return value
