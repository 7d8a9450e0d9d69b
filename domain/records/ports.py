"""Ports of the audit log's records and of their custody. As in ``domain.ports``, any method may raise ``Refusal``."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

from domain.records.custody import Hold
from domain.records.queries import RecordCursor, RecordFilter
from domain.records.records import Record, StoredRecord

EVERY_RECORD = RecordFilter()


class RecordReader(Protocol):
    """Reader of the log's records."""

    async def search(
        self,
        *,
        tenant: str | None = None,
        workflow_id: str | None = None,
        where: RecordFilter = EVERY_RECORD,
        after: RecordCursor | None = None,
        limit: int = 50,
    ) -> Sequence[StoredRecord]:
        """Return the newest records first, from ``after`` on. Without a tenant those of all, if permitted."""
        ...

    async def get(self, event_id: UUID, *, tenant: str | None = None) -> StoredRecord | None:
        """Return the record of an event, or None: there is none, or it belongs to another tenant."""
        ...

    async def unseal(self, record: StoredRecord) -> Mapping[str, Any]:
        """Decrypt and authenticate the encrypted fields of a record.

        Raises:
            Refusal: NOT_FOUND if the key was erased; INTERNAL if the ciphertext fails authentication.
        """
        ...


class Custody(Protocol):
    """Erasure and legal hold. Data subjects are keyed hashes; each act and its record are committed together."""

    async def erase(self, subject: str, record: Record) -> int:
        """Erase all keys of the data subject's records in the record's tenant; return their number.

        Raises:
            Refusal: LEGAL_HOLD while a hold on the data subject or the tenant is in force.
        """
        ...

    async def place_hold(self, subject: str | None, by: str, record: Record) -> Hold:
        """Hold a data subject's records, or all of the tenant's if ``subject`` is None. Its ID is the event's.

        Raises:
            Refusal: FORBIDDEN if the tenant is erased.
        """
        ...

    async def release_hold(self, hold_id: UUID, by: str, records: tuple[Record, Record]) -> Hold:
        """Mark a hold of the record's tenant for release; for a second person: release it. Repeats are no-ops.

        ``records`` are those of the first step and of the second.

        Raises:
            Refusal: NOT_FOUND; DUAL_CONTROL_NEEDED if the first step was by the same person (dual control).
        """
        ...

    async def holds(self, tenant: str) -> Sequence[Hold]:
        """Return the tenant's holds: those in force first, then the newest. At most 1000."""
        ...


class TenantErasures(Protocol):
    """Erasure of whole tenants in the store."""

    async def erase(self, tenant: str, record: Record) -> bool:
        """Erase all data subjects' keys of a tenant and record it. False if it was recorded before.

        Raises:
            Refusal: LEGAL_HOLD while any hold of the tenant is in force.
        """
        ...

    async def was_erased(self, tenant: str) -> bool:
        """Test for the name of an erased tenant."""
        ...


class TenantKeys(Protocol):
    """Tenants' own keys, which wrap all their other keys."""

    async def exists(self, tenant: str) -> bool:
        """Test for a tenant's key."""
        ...

    async def delete(self, tenant: str) -> None:
        """Delete a tenant's key for ever. A repeat is a no-op."""
        ...
