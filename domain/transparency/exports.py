"""Exports of a log: JSON Lines that can be verified offline with the log's key alone.

The first line is a header: ``assay_export`` (1), ``log`` (the origin), ``first`` and ``after`` (the first entry, and
the one after the last), ``checkpoint`` (a signed note), ``edge`` if ``first`` is not 0, and ``consistency`` if the
checkpoint covers more than ``after`` entries; hashes in hexadecimal. Each further line is an entry: a record's columns,
``ciphertext`` in base64 and ``digest`` in hexadecimal, or only ``seq``, ``event_id`` and ``digest`` if the record is
stored elsewhere.
"""

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from domain.records.records import stored_digest
from domain.transparency.merkle import Edge

VERSION = 1
_COLUMNS = (
    *("schema", "tenant", "kind", "recorded_at", "workflow_id", "run_id", "subject", "fields", "key_id"),
    *("subject_key", "ciphertext"),
)


class ExportError(ValueError):
    """A line is not one of an export. Has the reason."""


def header_of(origin: str, first: Edge, after: int, checkpoint: str, consistency: Sequence[bytes]) -> dict[str, Any]:
    """Return the header of an export of the entries from the tree ``first`` on."""
    header: dict[str, Any] = {
        "assay_export": VERSION,
        "log": origin,
        "first": first.size,
        "after": after,
        "checkpoint": checkpoint,
    }
    if first.size:
        header["edge"] = [value.hex() for value in first.hashes]
    if consistency:
        header["consistency"] = [value.hex() for value in consistency]
    return header


def read_header(header: Mapping[str, Any]) -> tuple[int, int, Edge, list[bytes]]:
    """Parse a header: first entry, the one after the last, the edge before, the consistency proof.

    Raises:
        ExportError: it is invalid.
    """
    try:
        first, after = header["first"], header["after"]
        edge = Edge(first, tuple(bytes.fromhex(value) for value in header.get("edge", ())))
        path = [bytes.fromhex(value) for value in header.get("consistency", ())]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ExportError("the header is invalid: 'first', 'after', 'edge' or 'consistency'") from None
    return first, after, edge, path


def entry_line(seq: int, event_id: UUID, digest: bytes, record: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the line of an entry. ``record`` has the columns of its record, if available."""
    line: dict[str, Any] = {"seq": seq, "event_id": str(event_id), "digest": digest.hex()}
    if record is not None:
        line |= {name: record[name] for name in _COLUMNS}
        line["recorded_at"] = record["recorded_at"].isoformat(timespec="microseconds")
        line["subject_key"] = str(record["subject_key"]) if record["subject_key"] else None
        line["ciphertext"] = base64.b64encode(record["ciphertext"]).decode()
    return line


def entry_of(line: Mapping[str, Any], seq: int, tenant: str) -> tuple[bytes, bool]:
    """Return an entry's digest, and True if it was recomputed from a record.

    Raises:
        ExportError: if the line is not entry ``seq`` of the tenant's log, or its record was changed.
    """
    if line.get("seq") != seq:
        raise ExportError(f"expected entry {seq} here")
    try:
        digest, event_id = bytes.fromhex(line["digest"]), UUID(line["event_id"])
        if line.keys() == {"seq", "event_id", "digest"}:
            return digest, False
        found = stored_digest(
            event_id=event_id,
            **{name: line[name] for name in ("schema", "tenant", "kind", "workflow_id", "run_id", "fields", "key_id")},
            recorded_at=_time(line["recorded_at"]),
            subject=line.get("subject"),
            subject_key=UUID(line["subject_key"]) if line.get("subject_key") else None,
            ciphertext=base64.b64decode(line["ciphertext"], validate=True),
        )
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ExportError(f"can't be read ({type(error).__name__})") from None
    if line["tenant"] != tenant:
        raise ExportError("the record and the log belong to different tenants")
    if found != digest:
        raise ExportError("the record differs from the logged one")
    return digest, True


def _time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("time without a zone")
    return at.astimezone(UTC)
