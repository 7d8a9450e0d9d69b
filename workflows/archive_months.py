"""The workflow that archives the audit log's old months. A schedule starts it once a day, without an argument."""

from typing import Final

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from activities import archiving
from activities.archiving import Ask, MonthDone, MonthsDone, OneMonth
from activities.failures import failure_for
from activities.names import Stage
from domain.refusals import Kind
from workflows import timing
from workflows.stages import StageIn, StageOut

_DETAILS: Final = """\
Months of the audit log that are older than the policy keeps them go into files.

1. `list_due_months`: months that the policy lets go.
2. `archive_month`, for each: out of the log, into a file for each tenant, read back and verified, recorded, dropped.

A month that a legal hold needs stays, and is looked at again the next day.
"""


@workflow.defn(name=archiving.ARCHIVE_MONTHS)
class ArchiveMonths:
    """Months one after the other, oldest first. One that fails does not keep the others."""

    @workflow.run
    async def run(self) -> MonthsDone:
        """Archive what is due; tell what became of each."""
        workflow.set_current_details(_DETAILS)
        due = await _step(archiving.LIST_DUE_MONTHS, Ask(), "which months are due")
        done = list[MonthDone]()
        for month in due.months:
            try:
                made = await _step(archiving.ARCHIVE_MONTH, OneMonth(month), f"archive {month}")
            except ActivityError as error:
                if is_cancelled_exception(error):
                    raise
                made = MonthDone(month, "failed", reason="a server was away for too long")
            done.append(made)
            workflow.set_current_details("\n".join((_DETAILS, *map(_told, done))))
        return MonthsDone(tuple(done))


async def _step(stage: Stage[StageIn, StageOut], given: StageIn, summary: str) -> StageOut:
    made: StageOut | None = await workflow.execute_activity(
        stage.name,
        given,
        result_type=stage.gives,
        start_to_close_timeout=timing.ARCHIVE_ATTEMPT,
        schedule_to_close_timeout=timing.ARCHIVE_TOTAL,
        heartbeat_timeout=timing.ARCHIVE_HEARTBEAT,
        retry_policy=timing.ARCHIVE_RETRY,
        summary=summary,
    )
    if made is None:  # what does not authenticate is read as null: someone else has answered in the activity's place
        raise failure_for(Kind.INTERNAL, retryable=False)
    return made


def _told(one: MonthDone) -> str:
    return f"- {one.month}: {one.state}" + (f", {one.rows} records" if one.rows else f", {one.reason}")
