"""Arguments and results of the archiver's activities: names of months and tenants, and counts."""

from dataclasses import dataclass
from typing import Final

from activities.contracts.names import Stage

ARCHIVE_MONTHS: Final = "ArchiveMonths"
"""Type name of the workflow."""


@dataclass(frozen=True)
class Ask:
    """Argument of ``list_due_months``. Empty: the archiver has its own policy."""


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
    """Result for a month: ``archived``, ``kept`` (with the reason) or ``failed``."""

    month: str
    state: str
    tenants: tuple[str, ...] = ()
    rows: int = 0
    reason: str | None = None


@dataclass(frozen=True)
class MonthsDone:
    """Results for all due months."""

    months: tuple[MonthDone, ...]


LIST_DUE_MONTHS: Final = Stage("list_due_months", Ask, DueMonths)
ARCHIVE_MONTH: Final = Stage("archive_month", OneMonth, MonthDone)

ALL: Final = (LIST_DUE_MONTHS, ARCHIVE_MONTH)
