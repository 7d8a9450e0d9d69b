"""Archiving activities: each attempt continues the one before."""

from dataclasses import asdict

from temporalio import activity

from activities.contracts.archive import Ask, DueMonths, MonthDone, OneMonth
from activities.failures import failure_for
from activities.heartbeats import heartbeats
from domain.refusals import Kind
from domain.transparency.archive import ArchiveInvalid, month_name, month_of
from domain.transparency.ports import MonthArchiver


class ArchiveActivities:
    """Activities over a ``MonthArchiver``."""

    def __init__(self, archiver: MonthArchiver) -> None:
        self._archiver = archiver

    @activity.defn
    async def list_due_months(self, ask: Ask) -> DueMonths:
        """List the months past the retention period."""
        del ask
        return DueMonths(tuple(month_name(month) for month in await self._archiver.due()))

    @activity.defn
    async def archive_month(self, one: OneMonth) -> MonthDone:
        """Archive a month, or return the reason why it is kept."""
        try:
            month = month_of(one.month)
        except ValueError:
            raise failure_for(Kind.INVALID_REQUEST) from None
        async with heartbeats():
            try:
                report = await self._archiver.archive(month)
            except ArchiveInvalid as broken:  # a retry changes nothing: an operator has to act
                activity.logger.error("archive.invalid", extra={"security": True, "month": one.month})
                return MonthDone(one.month, "failed", reason=str(broken))
        return MonthDone(**asdict(report))
