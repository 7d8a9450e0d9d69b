"""The archiver's process: a worker on a separate task queue, and its schedule."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Final

import structlog
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import Worker

from activities.archive.months import ArchiveActivities
from activities.contracts.archive import ARCHIVE_MONTHS
from activities.failure_interceptor import FailuresByKind
from adapters.archive.opening import ArchiveParts
from adapters.system.clock import SystemClock
from adapters.temporal.client import TemporalConnection
from adapters.vault.keyring import ServiceKeyRing
from adapters.vault.session import ServiceSession
from assay_temporal.backoff import Backoff
from assay_temporal.keyring import KeyUnavailable
from config import roles
from config.settings import Settings
from domain.refusals import Refusal
from domain.transparency.ports import MonthArchiver
from services.archiving.months import LogMonthArchiver
from worker.queries import RefusedQueries
from worker.ready import ready
from worker.sandbox import sandbox
from worker.schedules import Recurring, ensure_schedules
from workflows.archive import archive_months
from workflows.archive.archive_months import ArchiveMonths
from workflows.timing import ARCHIVE_RUN

TASK_QUEUE: Final = "assay-archive"
SCHEDULE: Final = Recurring(
    "assay-archive-months",
    ARCHIVE_MONTHS,
    TASK_QUEUE,
    timedelta(days=1),
    ARCHIVE_RUN,
    archive_months.SUMMARY,
    archive_months.DETAILS,
    catch_up=timedelta(hours=12),
)
_MONTHS_AT_ONCE: Final = 1  # each month writes one file after the other as well: memory stays constant
log = structlog.get_logger(__name__)


def build_archiver(client: Client, settings: Settings, archiver: MonthArchiver) -> Worker:
    """Return the worker; the caller runs it and shuts it down."""
    activities = ArchiveActivities(archiver)
    return Worker(
        client,
        task_queue=TASK_QUEUE,
        workflows=[ArchiveMonths],
        activities=[activities.list_due_months, activities.archive_month],
        interceptors=[FailuresByKind(), RefusedQueries()],
        workflow_runner=sandbox(),
        max_concurrent_activities=_MONTHS_AT_ONCE,
        graceful_shutdown_timeout=timedelta(seconds=settings.worker.graceful_shutdown_seconds),
    )


async def serve(
    settings: Settings, stop: asyncio.Event, temporal: TemporalConnection, *, ready_file: Path | None = None
) -> None:
    """Work until ``stop`` is set. A month in progress is continued by the next process."""
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        session = ServiceSession(settings.vault, settings.vault.approle(roles.ARCHIVER))
        stack.push_async_callback(session.close)
        await session.start()
        ready_to = await _prepared(stack, settings, session, temporal, stop, clock)
        if ready_to is None:
            return
        client, archiver = ready_to
        worker = build_archiver(client, settings, archiver)
        working = asyncio.create_task(worker.run())
        stopping = asyncio.create_task(stop.wait())
        with ready(ready_file):
            log.info("archiving", task_queue=TASK_QUEUE, months=settings.audit.retention_months)
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not working.done():
            await worker.shutdown()
        await working


async def _prepared(
    stack: AsyncExitStack,
    settings: Settings,
    session: ServiceSession,
    temporal: TemporalConnection,
    stop: asyncio.Event,
    clock: SystemClock,
) -> tuple[Client, MonthArchiver] | None:
    """Return client and archiver as soon as they are available. None if it is time to stop."""
    backoff = Backoff()
    keyring = ServiceKeyRing(session, settings.vault, clock)  # its policy permits decrypting Assay's own keys alone
    while not stop.is_set():
        try:
            async with AsyncExitStack() as attempt:
                parts = await ArchiveParts.open(attempt, settings, session)
                client = await temporal.client(keyring, None)
                await ensure_schedules(client, [SCHEDULE])
                stack.push_async_exit(attempt.pop_all())
                return client, LogMonthArchiver(parts, clock, settings.audit.retention_months)
        except (Refusal, KeyUnavailable, RPCError) as error:
            log.info("archiver.waiting", reason=type(error).__name__)
            await asyncio.sleep(backoff.next())
    return None
