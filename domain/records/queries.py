"""Queries of records: filters, and cursors of pages, newest first."""

import base64
import binascii
import re
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from uuid import UUID

from domain.records.records import EventKind, StoredRecord
from domain.refusals import Kind, Refusal

_CALLER = re.compile(r"[0-9a-f]{32}\Z")
_SUBJECT = re.compile(r"[0-9a-f]{64}\Z")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """Filter of records; a member that is None matches all.

    ``caller`` and ``subject`` are keyed hashes (32 and 64 hexadecimal digits). A record is of ``since`` or later, and
    of a time before ``until``; both aware.

    Raises:
        Refusal: INVALID_REQUEST for an invalid hash, a run that can't be one, or a time without a zone or beyond UTC's.
    """

    kind: EventKind | None = None
    run: str | None = None
    caller: str | None = None
    subject: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        """See the class."""
        for name, value, shape in (("caller", self.caller, _CALLER), ("subject", self.subject, _SUBJECT)):
            if value is not None and not shape.match(value):
                raise Refusal(Kind.INVALID_REQUEST, "must be a keyed hash as shown in records", field=name)
        if self.run is not None and "\0" in self.run:
            raise Refusal(Kind.INVALID_REQUEST, "must be the ID of a run", field="run")
        for name, time in (("since", self.since), ("until", self.until)):
            require_time(name, time)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the members that are set."""
        return tuple(part.name for part in fields(self) if getattr(self, part.name) is not None)


def require_time(name: str, time: datetime | None) -> None:
    """Check the limit of a span of records.

    Raises:
        Refusal: INVALID_REQUEST, field ``name``, for a time without a zone, or outside the years 1 to 9999 of UTC.
    """
    if time is None:
        return
    if time.tzinfo is None:
        raise Refusal(Kind.INVALID_REQUEST, "must be a time with a zone", field=name)
    try:
        time.astimezone(UTC)
    except OverflowError:
        raise Refusal(Kind.INVALID_REQUEST, "must be in the years 1 to 9999 of UTC", field=name) from None


def is_subject_hash(text: str) -> bool:
    """Return True for a data subject's keyed hash, False for a name."""
    return _SUBJECT.match(text) is not None


@dataclass(frozen=True, slots=True)
class RecordCursor:
    """Position in the order of records, newest first: after the record of this time and ID."""

    recorded_at: datetime
    event_id: UUID

    @classmethod
    def of(cls, record: StoredRecord) -> "RecordCursor":
        """Return the position directly after that record."""
        return cls(record.recorded_at, record.event_id)

    def cursor(self) -> str:
        """Return the position as an opaque string."""
        micros = (self.recorded_at - _EPOCH) // _MICROSECOND
        return base64.urlsafe_b64encode(micros.to_bytes(8, "big", signed=True) + self.event_id.bytes).decode()


def parse_cursor(text: str) -> RecordCursor:
    """Parse the position of a cursor.

    Raises:
        Refusal: INVALID_REQUEST, field ``cursor``.
    """
    try:
        data = base64.b64decode(text, altchars=b"-_", validate=True)
        at = _EPOCH + int.from_bytes(data[:-_ID_BYTES], "big", signed=True) * _MICROSECOND
        return RecordCursor(at, UUID(bytes=data[-_ID_BYTES:]))
    except (binascii.Error, ValueError, OverflowError):
        raise Refusal(Kind.INVALID_REQUEST, "must be a cursor from an earlier page", field="cursor") from None
