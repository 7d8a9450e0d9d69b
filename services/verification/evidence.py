"""Offline verification of the log's evidence: inclusion proofs, consistency proofs, and exports.

Findings have ``verdict`` (``holds``, ``broken`` or ``unknown key``) and values, or the reason; for an export also the
first bad entry. ``unknown key``: the given keys may be older than the evidence.
"""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from domain.records.stored_json import parse_distinct
from domain.transparency.checkpoints import (
    LogFormatError,
    UnknownLogKey,
    Unproven,
    VerifierKey,
    Verify,
    open_checkpoint,
    open_proof,
    parse_proof,
)
from domain.transparency.exports import VERSION, ExportError, entry_of, read_header
from domain.transparency.merkle import Edge, leaf_hash, verify_consistency

Found = dict[str, Any]
_AT_ONCE = 1024
_UNREADABLE = (LogFormatError, Unproven, ExportError)


def verify_proof(verify: Verify, text: str, digest: bytes, keys: Sequence[VerifierKey]) -> Found:
    """Verify that a tlog-proof proves the record's inclusion in a key's log."""
    try:
        proof = parse_proof(text)
        checkpoint = open_proof(proof, digest, keys, verify)
    except _UNREADABLE as error:
        return _broken(error)
    head = {"log": checkpoint.origin, "index": proof.index, "size": checkpoint.size, "root": checkpoint.root.hex()}
    return {"verdict": "holds", **head}


def verify_growth(verify: Verify, old: str, new: str, proof: str, keys: Sequence[VerifierKey]) -> Found:
    """Verify that the log of the checkpoint ``new`` extends that of ``old``.

    ``proof`` is the output of ``GET /v1/audit/consistency``, or its hashes in base64, one per line.
    """
    try:
        before, after = (open_checkpoint(note, keys, verify) for note in (old, new))
        path = _path(proof)
    except _UNREADABLE as error:
        return _broken(error)
    if before.origin != after.origin:
        return _broken("the checkpoints are of different logs")
    if before.size > after.size:
        return _broken(f"the checkpoint covers {after.size} entries, fewer than {before.size}")
    if not verify_consistency(before.size, after.size, before.root, after.root, path):
        return _broken(f"no consistency proof shows that the first {before.size} entries are unchanged")
    return {"verdict": "holds", "log": after.origin, "old": before.size, "size": after.size, "root": after.root.hex()}


def verify_export(verify: Verify, lines: Iterable[bytes], keys: Sequence[VerifierKey]) -> Found:
    """Verify that an export's records are the contiguous entries of the signed log."""
    remaining = iter(lines)
    try:
        header = _object(next(remaining, b""))
        if header.get("assay_export") != VERSION:
            raise ExportError(f"not an export of version {VERSION}")
        checkpoint = open_checkpoint(str(header.get("checkpoint")), keys, verify)
        if header.get("log") != checkpoint.origin:
            raise ExportError("the checkpoint and the export belong to different logs")
        first, after, edge, path = read_header(header)
        edge, records = _entries(remaining, edge, checkpoint.origin.rpartition("/")[2])
    except _BadEntry as error:
        return {**_broken(error), "seq": error.seq, "event_id": error.event_id}
    except _UNREADABLE as error:
        return _broken(error)
    if edge.size != after:
        return _broken(f"it ends before entry {edge.size}, and should end before entry {after}")
    if not verify_consistency(after, checkpoint.size, edge.root(), checkpoint.root, path):
        return _broken("its entries are not those of the signed log")
    counts = {"first": first, "after": after, "records": records, "leaves_only": after - first - records}
    return {"verdict": "holds", "log": checkpoint.origin, "size": checkpoint.size, **counts}


class _BadEntry(ExportError):
    """An entry of an export is invalid."""

    def __init__(self, why: str, seq: int, event_id: object) -> None:
        super().__init__(why)
        self.seq = seq
        self.event_id = event_id


def _entries(lines: Iterator[bytes], edge: Edge, tenant: str) -> tuple[Edge, int]:
    """Return the tree's edge after these entries, and the number of those with records."""
    records, hashes, seq = 0, list[bytes](), edge.size
    for line in lines:
        event: Mapping[str, Any] = {}
        try:
            event = _object(line)
            digest, whole = entry_of(event, seq, tenant)
        except ExportError as error:
            raise _BadEntry(str(error), seq, event.get("event_id")) from None
        hashes.append(leaf_hash(digest))
        seq, records = seq + 1, records + whole
        if len(hashes) == _AT_ONCE:
            edge, hashes = edge.append(hashes), []
    return edge.append(hashes), records


def _object(line: bytes) -> Mapping[str, Any]:
    try:
        value = parse_distinct(line)
    except (ValueError, RecursionError):
        raise ExportError("it can't be read") from None
    if not isinstance(value, dict):
        raise ExportError("it is no object")
    return value


def _path(text: str) -> list[bytes]:
    try:
        given = json.loads(text)["hashes"] if text.lstrip().startswith("{") else text.split()
        return [base64.b64decode(value, validate=True) for value in given]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ExportError("the proof is not a list of base64 hashes") from None


def _broken(why: Exception | str) -> Found:
    return {"verdict": "unknown key" if isinstance(why, UnknownLogKey) else "broken", "why": str(why)}
