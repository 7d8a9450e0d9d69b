"""Archiving and restoring of months. Every step may be repeated, after a crash at any moment.

Archiving: the month is announced and detached from the log (nothing is added any more), each tenant's file is written,
noted with its signed manifest, read back and verified, the archive is recorded, and only then the rows are dropped.
Restoring: the file is verified first, its records are put into a detached table, the restore is recorded, and the month
is attached to the log again.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from domain.ports import Clock
from domain.records.records import EventKind
from domain.transparency.announcements import Announcement
from domain.transparency.archive import (
    ArchiveInvalid,
    ArchiveLine,
    ArchiveRow,
    Manifest,
    MonthReport,
    MonthStays,
    RangeCollector,
    TenantRows,
    month_name,
    write_line,
)
from services.archiving.checker import ArchiveChecker
from services.archiving.events import ArchiveRecords
from services.archiving.file_hash import FileHash
from services.archiving.headers import ArchiveHeaders
from services.archiving.manifests import ManifestSigner
from services.archiving.parts import ArchivePorts


class LogMonthArchiver:
    """Archives and restores months. ``keep_months`` is the retention period, enforced for every caller."""

    def __init__(self, ports: ArchivePorts, clock: Clock, keep_months: int) -> None:
        """Take the ports."""
        self._place = ports.place
        self._files = ports.files
        self._store = ports.store
        self._manifests = ManifestSigner(ports.signer, ports.signatures, ports.log_name)
        self._checker = ArchiveChecker(ports.place, ports.files, ports.store, self._manifests)
        self._headers = ArchiveHeaders(ports.entries, ports.proofs)
        self._records = ArchiveRecords(ports.ledger)
        self._clock = clock
        self._keep_months = keep_months

    async def due(self) -> list[date]:
        """Return the months past the retention period, oldest first."""
        return await self._store.due(self._keep_months)

    async def rehearse(self, month: date) -> MonthReport:
        """Return the result that ``archive`` would have. Nothing is changed, and legal holds are not checked."""
        state = await self._store.state(month)
        if state == "absent" or not await self._is_due(month):
            return _kept(month, "no records of that month are stored here, or the policy retains it")
        return MonthReport(month_name(month), "due")

    async def archive(self, month: date) -> MonthReport:
        """Archive a month, or return the reason why it is kept.

        Raises:
            ArchiveInvalid: a written file failed verification; the month is not dropped.
            Refusal: a server or the storage is unavailable.
        """
        if await self._store.state(month) == "absent":
            return self._report(month, await self._store.noted(month))
        if not await self._is_due(month):
            return _kept(month, "the policy retains it")
        try:
            await self._announce(month)
            await self._store.detach(month)
            for rows in await self._store.tenants(month):
                await self._archive_tenant(month, rows)
            await self._store.drop(month)
        except MonthStays as stays:
            await self._store.attach(month)
            return _kept(month, str(stays))
        except ArchiveInvalid:
            await self._store.attach(month)  # it stays readable until an operator has examined it
            raise
        return self._report(month, await self._store.noted(month))

    async def restore(self, month: date, tenant: str | None = None) -> MonthReport:
        """Restore a month, of one tenant or of all.

        Raises:
            ArchiveInvalid: a file is invalid; none of its records becomes readable.
            MonthStays: there is no such archive.
            Refusal: a server or the storage is unavailable.
        """
        noted = [found for found in await self._store.noted(month) if tenant in (None, found.tenant)]
        wanted = [found for found in noted if found.dropped_at is not None and found.restored_at is None]
        if not noted or (not wanted and any(found.dropped_at is None for found in noted)):
            raise MonthStays(f"the month {month_name(month)} is not archived" + (f" for {tenant}" if tenant else ""))
        manifests = [await self._verified(found) for found in wanted]
        if wanted:
            await self._store.begin_restore(month)
            for found, manifest in zip(wanted, manifests, strict=True):
                await self._put_back(month, manifest)
                await self._records.note(EventKind.RESTORED, found, self._clock.now())
            await self._store.end_restore(month, [found.tenant for found in wanted])
        return replace(self._report(month, wanted or noted), state="restored")

    async def _is_due(self, month: date) -> bool:
        if month in await self._store.due(self._keep_months):
            return True
        # by explicit request, a recently restored month may be archived at once
        return any(found.restored_at for found in await self._store.noted(month))

    async def _announce(self, month: date) -> None:
        announcement = Announcement(month, self._clock.now())
        await self._store.announce(month, await self._manifests.announce(announcement))

    async def _archive_tenant(self, month: date, rows: TenantRows) -> None:
        noted = {found.tenant: found for found in await self._store.noted(month)}.get(rows.tenant)
        if noted is not None and noted.dropped_at is not None:
            return  # restored from its file, which still exists
        if noted is None or noted.rows != rows.rows or not await self._holds(noted):
            if rows.leaves != rows.rows:
                raise MonthStays(f"{rows.rows - rows.leaves} records of {rows.tenant} are not in the tree yet")
            await self._export(month, rows)
            (noted,) = [found for found in await self._store.noted(month) if found.tenant == rows.tenant]
            await self._verified(noted)
        await self._records.note(EventKind.ARCHIVED, noted, noted.archived_at)
        await self._store.verified(month, rows.tenant, noted.sha256)

    async def _holds(self, noted: ArchiveRow) -> bool:
        """Return True if the file of an earlier attempt is valid. Otherwise it is written again: the rows exist."""
        try:
            await self._verified(noted)
        except ArchiveInvalid:
            return False
        return True

    async def _export(self, month: date, rows: TenantRows) -> None:
        """Write the file and its manifest, and note both."""
        if (
            rows.first_seq is None
            or rows.last_seq is None
            or (note := await self._store.checkpoint(rows.tenant, rows.last_seq)) is None
        ):
            raise MonthStays(f"no signed checkpoint covers the records of {rows.tenant} yet")
        name = f"{rows.tenant}/{month_name(month)}.jsonl.zst"
        header = await self._headers.write(rows.tenant, rows.first_seq, rows.last_seq + 1, note)
        seen, whole = _Seen(header), FileHash()
        await self._place.put(name, whole.over(self._files.compressed(seen.over(self._store.pages(month, rows)))))
        manifest = Manifest(
            tenant=rows.tenant,
            month=month_name(month),
            file=name,
            sha256=whole.hex,
            size=whole.size,
            rows=seen.rows,
            seqs=seen.seqs.as_tuple(),
            first_event=seen.first_event,
            last_event=seen.last_event,
            key_ids=tuple(rows.key_ids),
            subject_keys=rows.subject_keys,
            checkpoint=note,
            made_at=self._clock.now().isoformat(timespec="seconds"),
        )
        signed = await self._manifests.sign(manifest)
        await self._place.put(_manifest_name(name), signed.encode())
        await self._store.keep(month, rows.tenant, name, bytes.fromhex(whole.hex), signed, rows)

    async def _verified(self, noted: ArchiveRow) -> Manifest:
        """Return the stored manifest after verifying it and its file."""
        beside = b"".join([chunk async for chunk in self._place.read(_manifest_name(noted.place))])
        if beside.decode("ascii", "replace") != noted.manifest:
            raise ArchiveInvalid(
                f"the manifest: the stored manifest of {noted.place} differs from the one that was signed"
            )
        manifest = await self._manifests.open(noted.manifest)
        said = (manifest.tenant, manifest.month, manifest.file, manifest.sha256, manifest.rows)
        if said != (noted.tenant, month_name(noted.month), noted.place, noted.sha256.hex(), noted.rows):
            raise ArchiveInvalid(f"the manifest: it does not describe {noted.place}")
        await self._checker.check(manifest)
        return manifest

    async def _put_back(self, month: date, manifest: Manifest) -> None:
        async def take(some: Sequence[ArchiveLine]) -> None:
            await self._store.restore_rows(month, manifest.tenant, [line.text for line in some])

        await self._checker.read(manifest, take)

    def _report(self, month: date, noted: Sequence[ArchiveRow]) -> MonthReport:
        if not noted:
            return _kept(month, "there are no records of that month")
        names = tuple(found.tenant for found in noted)
        return MonthReport(month_name(month), "archived", names, sum(found.rows for found in noted))


class _Seen:
    """Collects a manifest's values from a stream of records."""

    def __init__(self, header: str) -> None:
        self._header = header
        self.rows = 0
        self.seqs = RangeCollector()
        self.first_event = ""
        self.last_event = ""

    async def over(self, pages: AsyncIterator[Sequence[Mapping[str, Any]]]) -> AsyncIterator[list[str]]:
        """Yield the pages as lines, after the header."""
        yield [self._header]
        async for page in pages:
            for row in page:
                if row["tenant"] is None:  # of another month
                    continue
                self.rows += 1
                self.seqs.add(row["seq"])
                event = str(row["event_id"])
                self.first_event = min(self.first_event or event, event)
                self.last_event = max(self.last_event, event)
            yield [write_line(row) for row in page]


def _manifest_name(name: str) -> str:
    return name.removesuffix(".jsonl.zst") + ".manifest.jwt"


def _kept(month: date, reason: str) -> MonthReport:
    return MonthReport(month_name(month), "kept", reason=reason)
