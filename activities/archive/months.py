"""Archiving as activities: each attempt goes on from what the one before has done."""

from dataclasses import asdict

from temporalio import activity

from activities.contracts.archive import Ask, DueMonths, MonthDone, OneMonth
from activities.failures import failure_for
from activities.heartbeats import heartbeats
from domain.refusals import Kind
from domain.transparency.archive import ArchiveInvalid, month_name, month_of
from domain.transparency.ports import MonthArchiver


class ArchiveActivities:
    """Over a ``MonthArchiver``."""

    def __init__(self, archiver: MonthArchiver) -> None:
        self._archiver = archiver

    @activity.defn
    async def list_due_months(self, ask: Ask) -> DueMonths:
        """The months that the policy lets go."""
        del ask
        return DueMonths(tuple(month_name(month) for month in await self._archiver.due()))

    @activity.defn
    async def archive_month(self, one: OneMonth) -> MonthDone:
        """Archive a month, or say why it stays."""
        try:
            month = month_of(one.month)
        except ValueError:
            raise failure_for(Kind.INVALID_REQUEST) from None
        async with heartbeats():
            try:
                report = await self._archiver.archive(month)
            except ArchiveInvalid as broken:  # trying again changes nothing: a person has to look
                activity.logger.error("archive.invalid", extra={"security": True, "month": one.month})
                return MonthDone(one.month, "failed", reason=str(broken))
        return MonthDone(**asdict(report))
