"""Events of archives and restores: in the tenant's log, and in Assay's own."""

from datetime import datetime

from domain.access.principals import SYSTEM_TENANT
from domain.budgets.ports import Ledger
from domain.identity import event_id
from domain.records.fields import ArchiveFields
from domain.records.records import EncryptedFields, EventKind, Record
from domain.refusals import Kind, Refusal
from domain.transparency.archive import ArchiveRow, month_name


class ArchiveRecords:
    """Records the archiver's actions."""

    def __init__(self, ledger: Ledger) -> None:
        """Take the ledger, of which only ``append`` is used."""
        self._ledger = ledger

    async def note(self, kind: EventKind, noted: ArchiveRow, at: datetime) -> None:
        """Record an action, once for the same file and time ``at``.

        Raises:
            Refusal: a server is unavailable. A tenant's erased key is ignored: its records can't be read either.
        """
        fields = ArchiveFields(
            log=noted.tenant, month=month_name(noted.month), rows=noted.rows, file_sha256=noted.sha256.hex()
        )
        for tenant in dict.fromkeys((noted.tenant, SYSTEM_TENANT)):
            name = f"archive.{noted.tenant}.{month_name(noted.month)}"
            identity = event_id(int(at.timestamp() * 1000), tenant, name, noted.sha256.hex(), kind.value)
            record = Record(identity, tenant, kind, at, fields, EncryptedFields())
            try:
                await self._ledger.append(record)
            except Refusal as refusal:
                if refusal.kind is not Kind.FORBIDDEN or tenant == SYSTEM_TENANT:
                    raise
