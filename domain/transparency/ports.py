"""Ports of the audit log's tree and archive. As in ``domain.ports``, any method may raise ``Refusal``."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Protocol
from uuid import UUID

from domain.transparency.archive import MonthReport
from domain.transparency.checkpoints import Proof
from domain.transparency.merkle import Edge


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
        """The entries from ``first`` to before ``after``, as lines of an export (``domain.transparency.exports``).

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


class MonthArchiver(Protocol):
    """Moves old months of the audit log into files and back. ``docs/retention.md`` tells how."""

    async def due(self) -> Sequence[date]:
        """The months that the policy lets go, by their first days, oldest first."""
        ...

    async def archive(self, month: date) -> MonthReport:
        """Archive a month, or say why it stays. May be repeated.

        Raises:
            ArchiveInvalid: what was written, read back, does not hold; nothing was dropped.
        """
        ...
