"""The workflow that archives the audit log's old months. A schedule starts it daily, without an argument."""

from typing import Final

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from activities.contracts import archive
from activities.contracts.archive import Ask, MonthDone, MonthsDone, OneMonth
from workflows import timing
from workflows.steps import ActivityTimeouts, step

_LENGTHS: Final = ActivityTimeouts(
    timing.ARCHIVE_ATTEMPT, timing.ARCHIVE_TOTAL, timing.ARCHIVE_RETRY, heartbeat=timing.ARCHIVE_HEARTBEAT
)
SUMMARY: Final = "archive old months of the audit log to files"
DETAILS: Final = """\
Archives months of the audit log that are older than the retention period.

1. `list_due_months`: lists the months past the retention period.
2. `archive_month`, for each month: writes a file per tenant, verifies it, records it, and drops the month's rows.

A month under a legal hold is kept, and checked again the next day.
"""


@workflow.defn(name=archive.ARCHIVE_MONTHS)
class ArchiveMonths:
    """Archives months one after the other, oldest first. A failed one does not block the others."""

    @workflow.run
    async def run(self) -> MonthsDone:
        """Archive the months that are due; return their results."""
        workflow.set_current_details(DETAILS)
        due = await step(_LENGTHS, archive.LIST_DUE_MONTHS, Ask(), "list the months that are due")
        done = list[MonthDone]()
        for month in due.months:
            try:
                made = await step(_LENGTHS, archive.ARCHIVE_MONTH, OneMonth(month), f"archive {month}")
            except ActivityError as error:
                if is_cancelled_exception(error):
                    raise
                made = MonthDone(month, "failed", reason="a server was unavailable for too long")
            done.append(made)
            workflow.set_current_details("\n".join((DETAILS, *map(_told, done))))
        return MonthsDone(tuple(done))


def _told(one: MonthDone) -> str:
    return f"- {one.month}: {one.state}" + (f", {one.rows} records" if one.rows else f", {one.reason}")
