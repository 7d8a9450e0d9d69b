"""Headers that make an archive an export: they tie its entries to a signed checkpoint of the log."""

import json
from collections.abc import Sequence
from typing import Any

from domain.records.records import canonical
from domain.refusals import Kind, Refusal
from domain.transparency.archive import ArchiveInvalid, ArchiveLine, Manifest
from domain.transparency.checkpoints import Checkpoint, parse_checkpoint, parse_note
from domain.transparency.exports import VERSION, ExportError, header_of, read_header
from domain.transparency.merkle import leaf_hash, verify_consistency
from domain.transparency.ports import LogEntries, LogProofs


class ArchiveHeaders:
    """Writes headers, from the tiles of the log."""

    def __init__(self, entries: LogEntries, proofs: LogProofs) -> None:
        """Take the ports."""
        self._entries = entries
        self._proofs = proofs

    async def write(self, tenant: str, first: int, after: int, note: str) -> str:
        """Return the header of entries ``first`` to ``after``, under a signed note that covers them.

        Raises:
            ArchiveInvalid: the log's tiles don't match the signed checkpoint.
        """
        checkpoint = parse_checkpoint(parse_note(note).text)
        try:
            edge = await self._entries.edge(tenant, first)
            path = await self._proofs.consistency(tenant, after, checkpoint.size)
        except Refusal as refusal:
            if refusal.kind is not Kind.INTERNAL:
                raise
            raise ArchiveInvalid("the log: its tiles don't produce the checkpoint's root") from None
        return canonical(header_of(checkpoint.origin, edge, after, note, path)).decode()


class ExportCheck:
    """Compares a file's entries, as read, with its header, and the header with its manifest."""

    def __init__(self, header: str, manifest: Manifest) -> None:
        """Read the header. Raises ``ArchiveInvalid``."""
        try:
            found: Any = json.loads(header)
            self._after, self._edge, self._path = read_header(found)[1:]
            said = (found["assay_export"], found["checkpoint"], found["first"], found["after"])
        except (ExportError, ValueError, TypeError, LookupError, RecursionError):
            raise ArchiveInvalid("the file: its header is missing or unreadable") from None
        if said != (VERSION, manifest.checkpoint, manifest.seqs[0][0], manifest.seqs[-1][1] + 1):
            raise ArchiveInvalid("the file: its header does not match its manifest")
        self._log = found.get("log")

    def take(self, some: Sequence[ArchiveLine]) -> None:
        """Add the next entries."""
        self._edge = self._edge.append([leaf_hash(line.digest) for line in some])

    def end(self, checkpoint: Checkpoint) -> None:
        """Check that the entries are the contiguous ones of the signed log. Raises ``ArchiveInvalid``."""
        whole = (self._log, self._edge.size) == (checkpoint.origin, self._after)
        size, root = checkpoint.size, checkpoint.root
        if not whole or not verify_consistency(self._after, size, self._edge.root(), root, self._path):
            raise ArchiveInvalid("the file: its entries are not the contiguous entries of the signed log")
