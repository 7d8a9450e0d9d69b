"""Ports of the audit log's records and of their custody. As in ``domain.ports``, any method may raise ``Refusal``."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from domain.access.api_keys import ApiKey, KeyGrant, SealedApiKey
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


class ApiKeyStore(Protocol):
    """API keys; each act and its record are committed together."""

    async def create(self, key: ApiKey, secret_hash: bytes, record: Record, *, most: int) -> None:
        """Store a key of a caller that may have ``most`` at once.

        Raises:
            Refusal: FORBIDDEN if it has as many.
        """
        ...

    async def rotate(self, old_id: str, ends_at: datetime, key: ApiKey, secret_hash: bytes, record: Record) -> None:
        """Store ``key`` in place of another of its caller and family. That is valid until ``ends_at``.

        Raises:
            Refusal: NOT_FOUND if that has ended, or was replaced already.
        """
        ...

    async def revoke(self, key_id: str, caller: str | None, record: Record) -> bool:
        """Revoke a key of the record's tenant, and of ``caller`` if given. A repeat is a no-op; False if unknown."""
        ...

    async def find(self, key_id: str) -> SealedApiKey | None:
        """Return the key with that ID, of any tenant."""
        ...

    async def of_tenant(self, tenant: str, caller: str | None) -> Sequence[SealedApiKey]:
        """Return the keys of the tenant, or of one caller, newest first. At most 1000."""
        ...

    async def open(self, key: SealedApiKey) -> KeyGrant | None:
        """Verify and decrypt a key's grant. None for a row not made by Assay, or an erased grant.

        Raises:
            Refusal: VAULT_UNAVAILABLE.
        """
        ...

    async def note_uses(self, uses: Mapping[str, datetime]) -> None:
        """Store the times of last uses by key."""
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
