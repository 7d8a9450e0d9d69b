"""Archived months: lines of a file, its manifest, and the checks between the two.

A file is an export (``domain/transparency/exports.py``), as ``adapters/archive/files.py`` compresses it: a header, then
the entries of the tenant's log from the month's first record to its last. A record's line has every column, and
``seq``, its position in the tree; an entry in between that belongs to another month has ``seq``, ``event_id`` and
``digest`` alone. So an archive can be verified with the log's key without this program. Files with manifests of schema
1 contain the records alone.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from domain.records.records import canonical, has_evidence, stored_digest
from domain.records.stored_json import parse_distinct, parse_fields

MANIFEST_TYPE = "assay-archive+jwt"
RESTORED_STAYS = timedelta(days=30)
"""Time before the daily run archives a restored month again."""

_RECORDS_ALONE = 1
_MANIFEST_SCHEMA = 2
_LEAF = frozenset({"seq", "event_id", "digest"})
_COLUMNS = frozenset(
    {"seq", "event_id", "schema", "tenant", "kind", "recorded_at", "workflow_id", "run_id", "subject", "fields"}
    | {"key_id", "subject_key", "ciphertext", "content_mac", "digest", "stored_at"}
)


class ArchiveInvalid(ValueError):
    """An archive is invalid. Names the part: the file, the manifest, or a record by its event's ID."""


class ArchiveGone(ArchiveInvalid):
    """A file does not exist."""


class MonthStays(Exception):
    """A month can't be moved now, with the reason: too recent, under legal hold, or not in the tree yet."""


@dataclass(frozen=True, slots=True)
class ArchiveLine:
    """An entry of a file: a record with its digest recomputed, or one of another month (``whole`` is false)."""

    seq: int
    event_id: UUID
    digest: bytes
    text: str
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Manifest:
    """Signed claims about a file.

    ``seqs`` are ranges of leaves, both ends included; ``checkpoint`` is a signed note of the tenant's log that covers
    them all; ``key_ids`` are the data keys of the records, in addition to ``subject_keys`` keys of data subjects.
    """

    tenant: str
    month: str
    file: str
    sha256: str
    size: int
    rows: int
    seqs: tuple[tuple[int, int], ...]
    first_event: str
    last_event: str
    key_ids: tuple[str, ...]
    subject_keys: int
    checkpoint: str
    made_at: str
    schema: int = _MANIFEST_SCHEMA

    @property
    def is_export(self) -> bool:
        """Return True if its file has a header, and the entries between its records."""
        return self.schema != _RECORDS_ALONE

    def claims(self) -> dict[str, Any]:
        """Return the claims of the JWT."""
        return asdict(self)

    @classmethod
    def from_claims(cls, claims: Mapping[str, Any]) -> "Manifest":
        """Return the manifest of verified claims. Raises ``ArchiveInvalid``."""
        if claims.get("schema") not in (_RECORDS_ALONE, _MANIFEST_SCHEMA):
            raise ArchiveInvalid("the manifest's schema version is unknown")
        try:
            seqs = tuple((int(first), int(last)) for first, last in claims["seqs"])
            values = {**claims, "seqs": seqs, "key_ids": tuple(claims["key_ids"])}
            return cls(**values)
        except (KeyError, TypeError, ValueError):
            raise ArchiveInvalid("the manifest has missing or unknown claims") from None


@dataclass(frozen=True, slots=True)
class TenantRows:
    """Records of a tenant's month: their number, those in the tree, and the first and last of these."""

    tenant: str
    rows: int
    leaves: int
    first_seq: int | None
    last_seq: int | None
    key_ids: list[str]
    subject_keys: int


@dataclass(frozen=True, slots=True)
class ArchiveRow:
    """A row of ``assay.archive``."""

    month: date
    tenant: str
    place: str
    sha256: bytes
    manifest: str
    rows: int
    first_seq: int
    last_seq: int
    archived_at: datetime
    verified_at: datetime | None
    dropped_at: datetime | None
    restored_at: datetime | None


@dataclass(frozen=True, slots=True)
class MonthReport:
    """Result for a month: ``archived``, ``kept`` (with the reason) or, in a rehearsal, ``due``."""

    month: str
    state: str
    tenants: tuple[str, ...] = ()
    rows: int = 0
    reason: str | None = None


class RangeCollector:
    """Collects increasing numbers as ranges."""

    def __init__(self) -> None:
        """Start without ranges."""
        self._ranges: list[tuple[int, int]] = []

    def add(self, seq: int) -> None:
        """Add the next number. Raises ``ArchiveInvalid`` if it is not greater than the last."""
        if self._ranges and seq <= self._ranges[-1][1]:
            raise ArchiveInvalid("the file: its records are not in log order")
        if self._ranges and seq == self._ranges[-1][1] + 1:
            self._ranges[-1] = (self._ranges[-1][0], seq)
        else:
            self._ranges.append((seq, seq))

    def as_tuple(self) -> tuple[tuple[int, int], ...]:
        """Return the ranges, both ends included."""
        return tuple(self._ranges)


def month_of(text: str) -> date:
    """Parse a month written as ``YYYY-MM`` to its first day. Raises ``ValueError``."""
    if len(text) != len("YYYY-MM"):
        raise ValueError("a month must have the form YYYY-MM")
    return date.fromisoformat(f"{text}-01")


def month_name(month: date) -> str:
    """Format a month as ``YYYY-MM``."""
    return f"{month:%Y-%m}"


def write_line(columns: Mapping[str, Any]) -> str:
    """Return the line of an entry: a record's columns as PostgreSQL gives them, with ``seq``.

    Without a ``tenant`` there is no record, only the leaf's members.

    Raises:
        ArchiveInvalid: the record's fields were changed after it was stored.
    """
    if columns["tenant"] is None:
        event, digest = str(columns["event_id"]), columns["digest"].hex()
        return canonical({"seq": columns["seq"], "event_id": event, "digest": digest}).decode()
    try:
        fields = parse_fields(columns["fields"])
    except (ValueError, TypeError, RecursionError):
        raise ArchiveInvalid(f"record {columns['event_id']}: changed after it was stored") from None
    shown = {
        **columns,
        "event_id": str(columns["event_id"]),
        "recorded_at": columns["recorded_at"].isoformat(timespec="microseconds"),
        "stored_at": columns["stored_at"].isoformat(timespec="microseconds"),
        "fields": fields,
        "subject_key": str(columns["subject_key"]) if columns["subject_key"] else None,
        "ciphertext": base64.b64encode(columns["ciphertext"]).decode(),
        "content_mac": columns["content_mac"].hex(),
        "digest": columns["digest"].hex(),
    }
    return canonical(shown).decode()


def read_line(text: str, tenant: str) -> ArchiveLine:
    """Parse a line of the tenant's file, and recompute a record's digest.

    Raises:
        ArchiveInvalid: it is not a record of the tenant, or was changed after it was stored.
    """
    try:
        found = parse_distinct(text)
    except (ValueError, RecursionError):
        raise ArchiveInvalid("the file: a line can't be read") from None
    whole = isinstance(found, dict) and found.keys() != _LEAF
    if not isinstance(found, dict) or (whole and (found.keys() != _COLUMNS or found["tenant"] != tenant)):
        raise ArchiveInvalid("the file: a line is not a record of this tenant")
    try:
        event_id, seq = UUID(found["event_id"]), int(found["seq"])
        if not whole:
            return ArchiveLine(seq, event_id, bytes.fromhex(found["digest"]), text, whole=False)
        digest = _digest_of(found, event_id)
        evident = _has_evidence(found)
    except (ValueError, TypeError, AttributeError, binascii.Error):
        raise ArchiveInvalid("the file: a line can't be read") from None
    if digest.hex() != found["digest"] or not evident:
        raise ArchiveInvalid(f"record {event_id}: changed after it was stored")
    return ArchiveLine(seq, event_id, digest, text)


def _digest_of(found: Mapping[str, Any], event_id: UUID) -> bytes:
    return stored_digest(
        event_id=event_id,
        schema=found["schema"],
        tenant=found["tenant"],
        kind=found["kind"],
        recorded_at=datetime.fromisoformat(found["recorded_at"]),
        workflow_id=found["workflow_id"],
        run_id=found["run_id"],
        subject=found["subject"],
        fields=found["fields"],
        key_id=found["key_id"],
        subject_key=None if found["subject_key"] is None else UUID(found["subject_key"]),
        ciphertext=base64.b64decode(found["ciphertext"], validate=True),
    )


def _has_evidence(found: Mapping[str, Any]) -> bool:
    return has_evidence(
        found["fields"],
        content_mac=bytes.fromhex(found["content_mac"]),
        recorded_at=datetime.fromisoformat(found["recorded_at"]),
        stored_at=datetime.fromisoformat(found["stored_at"]),
    )


def match_leaves(lines: Iterable[ArchiveLine], leaves: Mapping[int, tuple[UUID, bytes]]) -> None:
    """Check that each line is the leaf at its position in the tree. Raises ``ArchiveInvalid``."""
    for line in lines:
        if leaves.get(line.seq) != (line.event_id, line.digest):
            raise ArchiveInvalid(f"record {line.event_id}: the log has another leaf in its place")
