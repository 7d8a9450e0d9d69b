"""Verification of an archive: the file, each record, its leaf and the tree's root are recomputed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

from domain.transparency.archive import (
    ArchiveGone,
    ArchiveInvalid,
    ArchiveLine,
    Manifest,
    RangeCollector,
    match_leaves,
    month_of,
    read_line,
)
from domain.transparency.archive_ports import ArchivePlace, ArchiveStore, LineFiles
from domain.transparency.merkle import Edge, leaf_hash
from services.archiving.file_hash import FileHash
from services.archiving.headers import ExportCheck
from services.archiving.manifests import ManifestSigner

_SOME = 100
Take = Callable[[Sequence[ArchiveLine]], Awaitable[None]]


class ArchiveChecker:
    """Verifies archives of any tenant."""

    def __init__(self, place: ArchivePlace, files: LineFiles, store: ArchiveStore, manifests: ManifestSigner) -> None:
        """Take the parts."""
        self._place = place
        self._files = files
        self._store = store
        self._manifests = manifests

    async def check(self, manifest: Manifest) -> None:
        """Check that every part of the archive is valid.

        Raises:
            ArchiveInvalid: names the invalid part.
            Refusal: a server or the storage is unavailable: the archive is unverified.
        """
        await self.read(manifest)
        await self._check_root(manifest)

    async def read(self, manifest: Manifest, take: Take | None = None) -> None:
        """Check that the file is the manifest's and each record a leaf of the log. ``take`` gets them as read.

        Raises:
            ArchiveInvalid, Refusal: as ``check``; records passed to ``take`` by then are unverified.
        """
        whole = FileHash()
        chunks = whole.over(self._place.read(manifest.file))
        try:
            seqs, rows, export = await self._read_lines(manifest, chunks, take)
        except ArchiveGone:
            raise
        except ArchiveInvalid:
            async for _ in chunks:  # to the end: a changed file is reported as such, whatever its lines contain
                pass
            self._check_file(manifest, whole)
            raise
        self._check_file(manifest, whole)
        if rows != manifest.rows or seqs.as_tuple() != manifest.seqs:
            raise ArchiveInvalid("the file: its records differ from those its manifest counts")
        leaves = await self._store.leaf_count(manifest.tenant, month_of(manifest.month))
        if leaves != rows:
            raise ArchiveInvalid(f"the file: it has {rows} records for a month with {leaves} leaves")
        if export is not None:
            export.end(await self._manifests.checkpoint(manifest.tenant, manifest.checkpoint))

    async def _read_lines(
        self, manifest: Manifest, chunks: AsyncIterator[bytes], take: Take | None
    ) -> tuple[RangeCollector, int, ExportCheck | None]:
        seqs, rows, export = RangeCollector(), 0, None
        async for texts in self._files.lines(chunks):
            if manifest.is_export and export is None and texts:
                export = ExportCheck(texts.pop(0), manifest)
            for at in range(0, len(texts), _SOME):
                some = await asyncio.to_thread(_read, texts[at : at + _SOME], manifest.tenant)
                match_leaves(some, await self._store.leaves(manifest.tenant, [line.seq for line in some]))
                if export is not None:
                    export.take(some)
                records = [line for line in some if line.whole]
                for line in records:
                    seqs.add(line.seq)
                rows += len(records)
                if take is not None:
                    await take(records)
        return seqs, rows, export

    def _check_file(self, manifest: Manifest, whole: FileHash) -> None:
        if whole.hex != manifest.sha256:
            raise ArchiveInvalid("the file: its SHA-256 differs from the one in its manifest")

    async def _check_root(self, manifest: Manifest) -> None:
        checkpoint = await self._manifests.checkpoint(manifest.tenant, manifest.checkpoint)
        if checkpoint.size <= manifest.seqs[-1][1]:
            raise ArchiveInvalid("the checkpoint: it is older than the newest of these records")
        edge = Edge()
        async for entries in self._store.entries(manifest.tenant, checkpoint.size):
            edge = await asyncio.to_thread(_grown, edge, entries)
        if edge.root() != checkpoint.root:
            raise ArchiveInvalid("the log: its leaves don't produce the checkpoint's root")


def _read(texts: Sequence[str], tenant: str) -> list[ArchiveLine]:
    return [read_line(text, tenant) for text in texts]


def _grown(edge: Edge, entries: Sequence[bytes]) -> Edge:
    return edge.append([leaf_hash(entry) for entry in entries])
