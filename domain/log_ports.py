"""The ports of the audit log: reading its records, proofs of its tree, erasure and holds. See ``domain/ports.py``."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

from domain.checkpoints import Proof
from domain.custody import Hold
from domain.record_queries import Place, RecordFilter
from domain.records import Record, StoredRecord

EVERY_RECORD = RecordFilter()


class RecordReader(Protocol):
    """Reading the log's records."""

    async def search(
        self,
        *,
        tenant: str | None = None,
        workflow_id: str | None = None,
        where: RecordFilter = EVERY_RECORD,
        after: Place | None = None,
        limit: int = 50,
    ) -> Sequence[StoredRecord]:
        """The newest records first, from ``after`` on. Without a tenant those of all, where the reader may see them."""
        ...

    async def get(self, event_id: UUID, *, tenant: str | None = None) -> StoredRecord | None:
        """The record of an event, or None: there is none, or it is no record of the tenant's."""
        ...

    async def unseal(self, record: StoredRecord) -> Mapping[str, Any]:
        """The sealed fields of a record, authenticated.

        Raises:
            Refusal: NOT_FOUND if the key was erased; INTERNAL if the ciphertext does not authenticate.
        """
        ...


class LogProofs(Protocol):
    """Proofs of a tenant's log, from what is stored of its tree."""

    async def checkpoint(self, tenant: str) -> str | None:
        """The newest signed checkpoint, a note; None while there is none."""
        ...

    async def sealed(self, tenant: str, event_id: UUID) -> Proof | None:
        """The proof that the event is in the newest checkpoint; None until that covers it, and for unknown events.

        Raises:
            Refusal: INTERNAL if what is stored proves nothing: it was changed.
        """
        ...

    async def consistency(self, tenant: str, old: int, new: int) -> list[bytes]:
        """The proof that the tree of ``new`` entries extends that of ``old``.

        Raises:
            Refusal: INVALID_REQUEST for sizes that no checkpoint covers; INTERNAL as above.
        """
        ...


class Custody(Protocol):
    """Erasure and legal hold. Persons are named by keyed hashes; each act and its record are made both or neither."""

    async def erase(self, subject: str, record: Record) -> int:
        """Erase all keys that the person's records are sealed with, in the record's tenant; give how many there were.

        Raises:
            Refusal: LEGAL_HOLD while a hold on the person or the tenant stands.
        """
        ...

    async def place_hold(self, subject: str | None, by: str, record: Record) -> Hold:
        """Hold a person's records, or all of the tenant's where ``subject`` is None. Its ID is that of the event.

        Raises:
            Refusal: FORBIDDEN if the tenant is erased.
        """
        ...

    async def release_hold(self, hold_id: UUID, by: str, records: tuple[Record, Record]) -> Hold:
        """Mark a hold of the record's tenant for release; for the second person: release it. A released one stays so.

        ``records`` are what is recorded of the first step and of the second.

        Raises:
            Refusal: NOT_FOUND; SECOND_PERSON_NEEDED if the first step was by the same person.
        """
        ...

    async def holds(self, tenant: str) -> Sequence[Hold]:
        """The tenant's holds: those that stand first, then the newest. At most 1000."""
        ...
