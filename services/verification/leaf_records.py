"""Check of the records beside the leaves, with allowance for months that are archived meanwhile."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from domain.ports import Clock, SignatureChecks
from domain.transparency.announcements import month_of
from domain.transparency.verification import Entry, Fault, TenantAudit, VerificationFinding, check_entry
from domain.transparency.verification_ports import PublicKeys, StoredLog
from services.verification.archived import ArchivedRanges, ManifestInvalid, announced_months, archived_leaves

_BESIDE = 64  # records at a time


class LeafRecords:
    """Checks the records of leaves, a page at a time."""

    def __init__(self, store: StoredLog, keys: PublicKeys, signatures: SignatureChecks, clock: Clock) -> None:
        """Take the stored log, the archive's keys, and the clock for announcements."""
        self._store = store
        self._clock = clock
        self._keys = keys
        self._signatures = signatures

    async def archived(self, audit: TenantAudit) -> ArchivedRanges:
        """Return the tenant's leaves with archived records; a forged manifest is a finding.

        Raises:
            Refusal: STORE_UNAVAILABLE, VAULT_UNAVAILABLE; NOT_FOUND without an archive key.
        """
        try:
            return await archived_leaves(
                self._keys, self._signatures, audit.tenant, await self._store.manifests(audit.tenant)
            )
        except ManifestInvalid as error:
            audit.found(VerificationFinding(Fault.MANIFEST_FORGED, str(error)))
            return ArchivedRanges()

    @staticmethod
    def check(
        audit: TenantAudit, expected: int, page: Sequence[Entry], archived: ArchivedRanges
    ) -> tuple[int, list[Entry]]:
        """Check leaves and records. Return the number of leaves in place, and those without a record."""
        missing = list[Entry]()
        for place, entry in enumerate(page):
            if entry.seq != expected + place:
                return place, missing
            away = entry.seq in archived
            audit.archived += entry.record is None and away
            if entry.record is None and not away:
                missing.append(entry)
            else:
                audit.found(check_entry(audit.tenant, entry, archived=away))
        return len(page), missing

    async def look_again(self, audit: TenantAudit, missing: Sequence[Entry]) -> ArchivedRanges:
        """Search again for records that archiving may have moved: to detached tables, then to files. Returns the
        latter.

        A month outside the log is accounted for by a manifest, or until then by a recent announcement of the archiver.

        Raises:
            Refusal: as ``archived``.
        """
        found = list[Entry]()
        for at in range(0, len(missing), _BESIDE):
            found += await self._store.beside(missing[at : at + _BESIDE])
        archived = await self.archived(audit)
        announced = frozenset[date]()
        if any(entry.record is not None for entry in found):
            statements = await self._store.announcements()
            announced = await announced_months(self._keys, self._signatures, statements, self._clock.now())
        for entry in found:
            in_files = entry.seq in archived
            if entry.record is None:
                audit.archived += in_files
                audit.found(check_entry(audit.tenant, entry, archived=in_files))
                continue
            lost = entry.lost or not (in_files or month_of(entry.event_id) in announced)
            audit.beside += not lost
            audit.found(check_entry(audit.tenant, replace(entry, lost=lost), archived=False))
        return archived
