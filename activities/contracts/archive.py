"""What goes into the archiver's activities and what comes out: names of months and tenants, and counts."""

from dataclasses import dataclass
from typing import Final

from activities.contracts.names import Stage

ARCHIVE_MONTHS: Final = "ArchiveMonths"
"""The workflow's type."""


@dataclass(frozen=True)
class Ask:
    """Asks for what is due. It has nothing to say: the policy is the archiver's own."""


@dataclass(frozen=True)
class DueMonths:
    """Months as ``YYYY-MM``, oldest first."""

    months: tuple[str, ...]


@dataclass(frozen=True)
class OneMonth:
    """A month as ``YYYY-MM``."""

    month: str


@dataclass(frozen=True)
class MonthDone:
    """What became of a month: ``archived``, ``kept`` (with the reason) or ``failed``."""

    month: str
    state: str
    tenants: tuple[str, ...] = ()
    rows: int = 0
    reason: str | None = None


@dataclass(frozen=True)
class MonthsDone:
    """What became of all that were due."""

    months: tuple[MonthDone, ...]


LIST_DUE_MONTHS: Final = Stage("list_due_months", Ask, DueMonths)
ARCHIVE_MONTH: Final = Stage("archive_month", OneMonth, MonthDone)

ALL: Final = (LIST_DUE_MONTHS, ARCHIVE_MONTH)
