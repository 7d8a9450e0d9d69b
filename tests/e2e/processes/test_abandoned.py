"""Runs that end without an outcome are found, recorded once, and refunded; no others are touched."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from temporalio.client import Client, ScheduleOverlapPolicy, WorkflowExecutionStatus, WorkflowHandle

from adapters.temporal.client import TemporalConnection
from assay_temporal.contracts import WORKFLOW
from domain.identity import run_id
from embedded.stack import serve_spec
from tests.doubles.keys import FixedKeyRing
from tests.fakes.behaviours import Hang, answer
from tests.gateway import Gateway, eventually
from tests.processes import serving
from worker.schedules import ensure_schedules, recurring

BODY = {"model": "fake", "prompt": "Hello"}
LATER = {"Prefer": "respond-async"}
WAIT = 60.0
SCHEDULE = "assay-settle-abandoned"
Records = list[dict[str, Any]]


@pytest.fixture(scope="module")
async def servers(bare: Gateway, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    """The servers, and the API."""
    log = tmp_path_factory.mktemp("abandoned") / "api.log"
    async with serving(serve_spec(bare.servers, bare.settings, "api"), log):
        yield bare
    bare.provider.reset()


@pytest.fixture(scope="module")
async def client(servers: Gateway) -> Client:
    """An untrusted client: it lists and ends runs, as people do in Temporal's UI, and reads no payload."""
    return await servers.temporal(FixedKeyRing("system"))


@pytest.fixture(scope="module")
async def lasting_worker(servers: Gateway, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[None]:
    async with working(servers, tmp_path_factory.mktemp("worker")):
        yield


@pytest.fixture
def worker(servers: Gateway, lasting_worker: None) -> Iterator[None]:
    """A worker for the rest of the module: tests that begin without one come before."""
    yield
    servers.provider.reset()


@asynccontextmanager
async def working(servers: Gateway, tmp_path: Path) -> AsyncIterator[None]:
    async with serving(serve_spec(servers.servers, servers.settings, "worker"), tmp_path / "worker.log"):
        yield


async def listed(client: Client, run: str, status: str) -> None:
    """Wait until Temporal's lists show it."""

    async def is_so() -> bool:
        return (await client.count_workflows(f"WorkflowId = '{run}' AND ExecutionStatus = '{status}'")).count > 0

    await eventually(is_so, WAIT)


async def triggered(client: Client) -> WorkflowHandle[Any, Any]:
    """Trigger the schedule; the look that it starts. A look that has just ended may still count as running."""
    handle = client.get_schedule_handle(SCHEDULE)

    async def looks() -> set[tuple[str, str]]:
        recent = (await handle.describe()).info.recent_actions
        return {(done.action.workflow_id, done.action.first_execution_run_id) for done in recent}

    async def stands() -> bool:
        return SCHEDULE in {found.id async for found in await client.list_schedules()}

    await eventually(stands, WAIT)
    before = await looks()
    await handle.trigger(overlap=ScheduleOverlapPolicy.BUFFER_ONE)
    found: set[tuple[str, str]] = set()

    async def started() -> bool:
        nonlocal found
        found = await looks() - before
        return bool(found)

    await eventually(started, WAIT)
    workflow_id, run = found.pop()
    return client.get_workflow_handle(workflow_id, run_id=run)


async def look(client: Client) -> None:
    """One look, from its beginning to its end."""
    handle = await triggered(client)

    async def ended() -> bool:
        return (await handle.describe()).status is not WorkflowExecutionStatus.RUNNING

    await eventually(ended, WAIT)
    assert (await handle.describe()).status is WorkflowExecutionStatus.COMPLETED


def terminate(servers: Gateway, run: str) -> None:
    """As an operator does."""
    done = servers.temporal_cli("workflow", "terminate", "--workflow-id", run, "--reason", "stuck")
    assert done.returncode == 0, done.stderr


async def asking(servers: Gateway) -> str:
    """A run whose model does not answer."""
    received = servers.provider.stats.received
    servers.provider.script(Hang(answer("late")))
    run = (await servers.post(BODY, headers=LATER)).json()["id"]
    await servers.provider.until(lambda stats: stats.received > received, WAIT)
    return run


async def charged(servers: Gateway, run: str, before: tuple[int, int]) -> tuple[int, int]:
    """The budget after a run was ended from outside with its model asked: the reservation is spent."""
    [admitted] = [record for record in await servers.records(run) if record["kind"] == "admitted"]
    return before[0] + admitted["fields"]["reserved_tokens"], before[1]


async def terminated(servers: Gateway, client: Client) -> str:
    run = await asking(servers)
    terminate(servers, run)
    await listed(client, run, "Terminated")
    return run


def told(records: Records) -> list[tuple[str, str | None]]:
    return [(record["kind"], record["refusal"]) for record in records]


OUTCOME = ("failed", "run-terminated")


async def test_a_run_that_is_terminated_before_its_first_stage_is_its_tenants_all_the_same(
    servers: Gateway, client: Client, tmp_path: Path
):
    before = await servers.budget("acme")
    run = (await servers.post(BODY, headers=LATER)).json()["id"]
    terminate(servers, run)
    await listed(client, run, "Terminated")
    async with working(servers, tmp_path):
        await look(client)
        records = await servers.records(run)
        assert told(records) == [OUTCOME]
        assert records[0]["tenant"] == "acme"
        await look(client)
    assert await servers.records(run) == records
    assert await servers.budget("acme") == before


async def test_a_run_that_proves_nothing_is_nobodys(servers: Gateway, client: Client, tmp_path: Path):
    claimed = run_id(b"0" * 32, "acme", "someone", secrets.token_hex(8))
    await client.start_workflow(
        WORKFLOW,
        {"request": BODY, "context": "forged"},
        id=claimed,
        task_queue=servers.local.temporal.task_queue,
        execution_timeout=timedelta(seconds=1),
    )
    await listed(client, claimed, "TimedOut")
    async with working(servers, tmp_path):
        await look(client)
        await look(client)
    records = await servers.records(claimed)
    assert told(records) == [OUTCOME]
    assert records[0]["tenant"] == "system"


async def test_a_run_that_is_terminated_while_the_model_is_asked_is_recorded_once_and_charged(
    servers: Gateway, client: Client, worker: None
):
    before = await servers.budget("acme")
    run = await terminated(servers, client)
    assert (await servers.budget("acme"))[1] > before[1]
    await look(client)
    records = await servers.records(run)
    assert told(records) == [OUTCOME, ("admitted", None)]
    assert records[0]["tenant"] == "acme"
    assert records[0]["fields"]["caller"] == records[1]["fields"]["caller"]
    assert await servers.budget("acme") == await charged(servers, run, before)
    shown = await servers.run(run)
    assert (shown["status"], shown["problem"]["type"]) == ("failed", "urn:assay:problem:run-terminated")
    await look(client)
    assert await servers.records(run) == records
    assert await servers.budget("acme") == await charged(servers, run, before)


async def test_a_run_whose_history_was_deleted_is_found_by_its_reservation(
    servers: Gateway, client: Client, worker: None
):
    before = await servers.budget("acme")
    run = await terminated(servers, client)
    assert servers.temporal_cli("workflow", "delete", "--workflow-id", run, "--yes").returncode == 0

    async def forgotten() -> bool:
        return (await client.count_workflows(f"WorkflowId = '{run}'")).count == 0

    await eventually(forgotten, WAIT)
    await look(client)
    assert told(await servers.records(run)) == [("admitted", None)], "held for a moment only"
    await servers.superuser("UPDATE assay.reservation SET made_at = made_at - interval '2 hours' WHERE state = 'held'")
    for _ in range(2):
        await look(client)
        records = await servers.records(run)
        assert told(records) == [OUTCOME, ("admitted", None)]
        assert records[0]["fields"]["caller"] == records[1]["fields"]["caller"]
        assert await servers.budget("acme") == await charged(servers, run, before)


async def test_runs_that_go_on_or_ended_by_themselves_are_not_touched(servers: Gateway, client: Client, worker: None):
    completed = (await servers.post(BODY)).json()["id"]
    await listed(client, completed, "Completed")
    running = await asking(servers)
    await servers.superuser("UPDATE assay.reservation SET made_at = made_at - interval '2 hours' WHERE state = 'held'")
    before = await servers.budget("acme"), await servers.records()
    await look(client)
    assert (await servers.budget("acme"), await servers.records()) == before
    servers.provider.release()
    assert (await servers.until_ended(running))["status"] == "completed"
    assert told(await servers.records(running)) == [("completed", None), ("admitted", None)]


def tasks_of(servers: Gateway, run: str) -> list[str]:
    """The events at which a run can be reset."""
    shown = json.loads(servers.temporal_cli("workflow", "show", "-w", run, "-o", "json").stdout)["events"]
    return [event["eventId"] for event in shown if event["eventType"].endswith("WORKFLOW_TASK_COMPLETED")]


def reset(servers: Gateway, run: str, event: str) -> None:
    done = servers.temporal_cli("workflow", "reset", "-w", run, "--event-id", event, "--reason", "again")
    assert done.returncode == 0, done.stderr


async def test_a_run_that_was_reset_to_its_beginning_is_refused_and_the_run_before_is_settled(
    servers: Gateway, client: Client, worker: None
):
    before = await servers.budget("acme")
    run = await asking(servers)
    received = servers.provider.stats.received
    reset(servers, run, tasks_of(servers, run)[0])
    assert (await servers.until_ended(run))["problem"]["type"] == "urn:assay:problem:already-admitted"
    await listed(client, run, "Terminated")
    await listed(client, run, "Completed")
    for _ in range(2):
        await look(client)
        rows = await servers.superuser("SELECT run_id, kind FROM assay.record WHERE workflow_id = $1", run)
        each = {row["run_id"]: {other["kind"] for other in rows if other["run_id"] == row["run_id"]} for row in rows}
        assert sorted(map(sorted, each.values())) == [["admitted", "failed"], ["refused"]]
        assert await servers.budget("acme") == await charged(servers, run, before)
    assert servers.provider.stats.received == received
    servers.provider.release()
    reset(servers, run, tasks_of(servers, run)[0])
    await listed(client, run, "Failed")
    await look(client)
    assert len(await servers.records(run)) == len(rows), "it adopted the outcome"


async def test_a_run_that_was_reset_later_has_the_outcome_of_the_run_before(
    servers: Gateway, client: Client, worker: None
):
    run = (await servers.post(BODY)).json()["id"]
    await listed(client, run, "Completed")
    records = await servers.records(run)
    budget = await servers.budget("acme")
    reset(servers, run, tasks_of(servers, run)[-1])

    async def both_are_listed() -> bool:
        return (await client.count_workflows(f"WorkflowId = '{run}' AND ExecutionStatus = 'Completed'")).count == 2

    await eventually(both_are_listed, WAIT)
    await look(client)
    assert await servers.records(run) == records
    assert await servers.budget("acme") == budget


async def test_a_look_waits_for_its_store(servers: Gateway, client: Client, worker: None):
    before = await servers.budget("acme")
    run = await terminated(servers, client)
    [status] = [status for status in servers.servers.status() if status.name == "postgres"]
    postgres = psutil.Process(status.pid)
    family = [postgres, *postgres.children(recursive=True)]
    for one in family:
        one.suspend()
    try:
        handle = await triggered(client)

        async def tried_again() -> bool:
            pending = (await handle.describe()).raw_description.pending_activities
            return bool(pending) and pending[0].attempt > 1

        await eventually(tried_again, WAIT)
    finally:
        for one in reversed(family):
            one.resume()

    async def ended() -> bool:
        return (await handle.describe()).status is WorkflowExecutionStatus.COMPLETED

    await eventually(ended, WAIT)
    assert told(await servers.records(run)) == [OUTCOME, ("admitted", None)]
    assert await servers.budget("acme") == await charged(servers, run, before)


async def test_workers_that_race_make_one_schedule_and_leave_an_operators_pause(servers: Gateway, worker: None):
    own = await TemporalConnection(servers.local.temporal).client(FixedKeyRing("system"), payloads=None)
    handle = own.get_schedule_handle(SCHEDULE)
    wanted = recurring(servers.local)
    await triggered(own)
    await handle.pause(note="for maintenance")
    await asyncio.gather(*(ensure_schedules(own, wanted) for _ in range(5)))
    shown = await handle.describe()
    assert shown.schedule.state.paused
    assert (shown.schedule.policy.overlap, shown.schedule.policy.catchup_window) == (
        ScheduleOverlapPolicy.SKIP,
        timedelta(minutes=1),
    )
    updated = shown.info.last_updated_at
    await asyncio.gather(*(ensure_schedules(own, wanted) for _ in range(5)))
    assert (await handle.describe()).info.last_updated_at == updated, "nothing to change"
    changed = servers.local.model_copy(
        update={"worker": servers.local.worker.model_copy(update={"settle_abandoned_seconds": 3600})}
    )
    await asyncio.gather(*(ensure_schedules(own, recurring(changed)) for _ in range(5)))
    shown = await handle.describe()
    assert [interval.every for interval in shown.schedule.spec.intervals] == [timedelta(hours=1)]
    assert shown.schedule.state.paused
    await handle.unpause()
