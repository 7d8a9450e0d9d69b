"""Ports of the audit log's tree and archive. As in ``domain.ports``, any method may raise ``Refusal``."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Protocol
from uuid import UUID

from domain.transparency.archive import MonthReport
from domain.transparency.checkpoints import Proof
from domain.transparency.merkle import Edge


class LogEntries(Protocol):
    """A tenant's log as a list: its entries in order, each with its record if stored."""

    async def span(
        self, tenant: str, size: int, since: datetime | None = None, until: datetime | None = None
    ) -> tuple[int, int]:
        """Return the first entry from ``since`` on and before ``until``, and the end.

        Of the first ``size`` entries; entries of other times may lie in between. Without any, ``(size, size)``.
        """
        ...

    async def read(self, tenant: str, first: int, after: int) -> Sequence[Mapping[str, Any]]:
        """Return the entries from ``first`` to before ``after``, as lines of an export
        (``domain.transparency.exports``).

        They are returned as stored: changes are detected by verifying the export.
        """
        ...

    async def edge(self, tenant: str, size: int) -> Edge:
        """The right edge of the tree of the first ``size`` entries.

        Raises:
            Refusal: INTERNAL if the tree is damaged.
        """
        ...


class LogProofs(Protocol):
    """Proofs of a tenant's log, from its stored tree."""

    async def checkpoint(self, tenant: str) -> str | None:
        """The newest signed checkpoint, a note; None while there is none."""
        ...

    async def sealed(self, tenant: str, event_id: UUID) -> Proof | None:
        """Return the proof that the event is in the newest checkpoint. None until covered, and for unknown events.

        Raises:
            Refusal: INTERNAL if the stored tree does not prove it: it was changed.
        """
        ...

    async def consistency(self, tenant: str, old: int, new: int) -> list[bytes]:
        """The proof that the tree of ``new`` entries extends that of ``old``.

        Raises:
            Refusal: INVALID_REQUEST for sizes that no checkpoint covers; INTERNAL as above.
        """
        ...


class MonthArchiver(Protocol):
    """Moves old months of the audit log to files and back. See ``docs/retention.md``."""

    async def due(self) -> Sequence[date]:
        """Return the months past the retention period, by their first days, oldest first."""
        ...

    async def archive(self, month: date) -> MonthReport:
        """Archive a month, or return the reason why it is kept. May be repeated.

        Raises:
            ArchiveInvalid: a written file failed verification; nothing was dropped.
        """
        ...
