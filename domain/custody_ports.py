"""The port for erasing what the audit log holds, and for keeping it. See ``domain/ports.py``."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from domain.custody import Hold
from domain.records import Record


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
