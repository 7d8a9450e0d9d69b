"""The ports for reading the audit log: its records, and proofs of its tree. See ``domain/ports.py``."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from domain.checkpoints import Proof
from domain.merkle import Edge
from domain.record_queries import Place, RecordFilter
from domain.records import StoredRecord

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


class LogEntries(Protocol):
    """A tenant's log as a list: its entries in their order, each with its record while that is kept."""

    async def span(
        self, tenant: str, size: int, since: datetime | None = None, until: datetime | None = None
    ) -> tuple[int, int]:
        """The first of the entries recorded at ``since`` or later and before ``until``, and the one after the last.

        Of the first ``size`` entries; between them may lie some of other times. Without any, ``(size, size)``.
        """
        ...

    async def read(self, tenant: str, first: int, after: int) -> Sequence[Mapping[str, Any]]:
        """The entries from ``first`` to before ``after``, as lines of an export (see ``domain/exports.py``).

        They come as they are stored: whoever verifies the export tells whether they were changed.
        """
        ...

    async def edge(self, tenant: str, size: int) -> Edge:
        """The right edge of the tree of the first ``size`` entries.

        Raises:
            Refusal: INTERNAL if the tree is damaged.
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
