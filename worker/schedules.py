"""Temporal schedules, created or updated at worker start."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

import structlog
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError

from activities.contracts.reconciliation import SETTLE_ABANDONED
from assay_temporal.backoff import Backoff
from assay_temporal.keyring import KeyUnavailable
from config.settings import Settings
from domain.refusals import Refusal
from workflows.reconciliation import settle_abandoned
from workflows.timing import LOOK_TOTAL

_RPC_TIMEOUT: Final = timedelta(seconds=10)
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Recurring:
    """A recurring workflow without an argument: a schedule contains nothing confidential.

    ``id`` names the schedule and begins the workflow IDs of its runs. ``total`` bounds a run. A start missed in an
    outage of Temporal is caught up within ``catch_up``.
    """

    id: str
    workflow: str
    task_queue: str
    every: timedelta
    total: timedelta
    summary: str
    details: str
    catch_up: timedelta = timedelta(minutes=1)


def recurring(settings: Settings) -> tuple[Recurring, ...]:
    """Return all recurring workflows that workers poll for."""
    return (
        Recurring(
            "assay-settle-abandoned",
            SETTLE_ABANDONED,
            settings.temporal.task_queue,
            timedelta(seconds=settings.worker.settle_abandoned_seconds),
            LOOK_TOTAL,
            settle_abandoned.SUMMARY,
            settle_abandoned.DETAILS,
        ),
    )


async def ensure_schedules(client: Client, wanted: Iterable[Recurring]) -> None:
    """Create or update the schedules. An operator's pause is kept.

    Any number of processes may do so concurrently and repeatedly.

    Raises:
        RPCError: Temporal does not answer.
        KeyUnavailable: the key store with Assay's own key is unavailable.
    """
    for one in wanted:
        schedule = _schedule(one)
        try:
            await client.create_schedule(one.id, schedule, rpc_timeout=_RPC_TIMEOUT)
        except ScheduleAlreadyRunningError:
            await client.get_schedule_handle(one.id).update(partial(_towards, schedule), rpc_timeout=_RPC_TIMEOUT)


def _towards(wanted: Schedule, given: ScheduleUpdateInput) -> ScheduleUpdate | None:
    """Return the change that makes a schedule the wanted one, if any."""
    found = given.description.schedule
    if _shape(found) == _shape(wanted):
        return None
    return ScheduleUpdate(Schedule(wanted.action, wanted.spec, wanted.policy, found.state))


def _schedule(one: Recurring) -> Schedule:
    action = ScheduleActionStartWorkflow(
        one.workflow,
        id=one.id,
        task_queue=one.task_queue,
        execution_timeout=one.total,
        static_summary=one.summary,
        static_details=one.details,
    )
    policy = SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=one.catch_up)
    return Schedule(action, ScheduleSpec(intervals=[ScheduleIntervalSpec(every=one.every)]), policy)


def _shape(schedule: Schedule) -> tuple[object, ...]:
    """Return the managed parts of a schedule, without encrypted ones."""
    action = schedule.action
    assert isinstance(action, ScheduleActionStartWorkflow)  # noqa: S101 - Temporal knows no other
    spec = schedule.spec
    others = (spec.calendars, spec.cron_expressions, spec.skip)
    return (
        *(action.workflow, action.id, action.task_queue, action.execution_timeout, len(action.args)),
        *([interval.every for interval in spec.intervals], any(others), spec.start_at, spec.end_at),
        *(schedule.policy.overlap, schedule.policy.catchup_window),
    )


@contextlib.asynccontextmanager
async def scheduling(client: Client, settings: Settings) -> AsyncIterator[None]:
    """Maintain the schedules beside the work in this block, as soon as the servers answer."""
    task = asyncio.create_task(_until_they_stand(client, settings), name="schedules")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _until_they_stand(client: Client, settings: Settings) -> None:
    backoff = Backoff()
    wanted = recurring(settings)
    while True:
        try:
            await ensure_schedules(client, wanted)
        except (RPCError, KeyUnavailable, Refusal) as error:
            log.warning("schedules.waiting", reason=type(error).__name__)
            await asyncio.sleep(backoff.next())
        else:
            log.info("schedules.stand", schedules=[one.id for one in wanted])
            return
