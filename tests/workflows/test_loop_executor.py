"""Workflow tasks in the event loop's thread: as quick as they can be, and one that hangs stops nobody for long."""

import asyncio
import gc
import sys
import threading
import time
import weakref
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import ClassVar
from uuid import uuid4

import pytest
from structlog.testing import capture_logs
from temporalio import workflow
from temporalio.api.enums.v1 import EventType
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from tests.gateway import eventually
from worker.loop_executor import LoopExecutor, WorkflowTaskStuck

pytestmark = pytest.mark.filterwarnings("error")


def busy(seconds: float) -> str:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass
    return "done"


@contextmanager
def switching_often() -> Iterator[None]:
    """Threads take turns every few instructions: what can come between two of them does."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


async def submit(executor: LoopExecutor, *call) -> object:
    return await asyncio.get_running_loop().run_in_executor(executor, *call)


async def test_a_call_runs_in_the_loops_thread_and_the_loop_is_the_running_one_again():
    loop = asyncio.get_running_loop()

    def as_a_workflow_does() -> int:
        asyncio._set_running_loop(None)
        return threading.get_ident()

    executor = LoopExecutor()
    assert await submit(executor, as_a_workflow_does) == threading.get_ident()
    assert asyncio.get_running_loop() is loop


async def test_what_a_call_raises_comes_out():
    with pytest.raises(ZeroDivisionError):
        await submit(LoopExecutor(), lambda: 1 / 0)


def test_without_a_loop_it_has_nobody_to_ask():
    with pytest.raises(RuntimeError):
        LoopExecutor().submit(busy, 0)


async def test_a_call_that_hangs_is_interrupted_and_the_next_is_not():
    executor = LoopExecutor(limit_seconds=0.2, look_seconds=0.02)
    with capture_logs() as logged, pytest.raises(WorkflowTaskStuck):
        await submit(executor, busy, 60)
    assert [entry["event"] for entry in logged] == ["workflow.task_stuck"]
    assert await submit(executor, busy, 0.05) == "done"


async def test_an_interruption_hits_its_call_or_nobody():
    """Calls that end when they are about to be interrupted: whatever wins, nothing is raised anywhere else."""
    executor = LoopExecutor(limit_seconds=0.001, look_seconds=0.0001)
    told = {"done": 0, "stuck": 0}
    with capture_logs(), switching_often():
        for number in range(1_500):
            try:
                assert await submit(executor, busy, 0.0008 + number % 7 * 0.0001) == "done"
                told["done"] += 1
            except WorkflowTaskStuck:
                told["stuck"] += 1
    assert min(told.values()) > 0, told
    await asyncio.sleep(0)


async def test_who_swallows_it_is_not_hit_again_later():
    executor = LoopExecutor(limit_seconds=0.05, look_seconds=0.01)

    def swallows() -> str:
        try:
            busy(60)
        except WorkflowTaskStuck:
            return busy(0.2)
        return "never interrupted"

    with capture_logs() as logged:
        assert await submit(executor, swallows) == "done"
    assert len(logged) == 1


async def test_its_watch_ends_with_it():
    def watches() -> set[threading.Thread]:
        return {thread for thread in threading.enumerate() if thread.name == "workflow-task-watch"}

    gc.collect()
    before = watches()
    executor = LoopExecutor(look_seconds=0.01)
    [watch] = watches() - before
    gone = weakref.ref(executor)
    del executor
    watch.join(10)
    assert not watch.is_alive()
    assert gone() is None


@workflow.defn
class Hangs:
    released: ClassVar[bool] = False

    @workflow.run
    async def run(self) -> str:
        while not Hangs.released:
            pass
        return "released"


@workflow.defn
class Answers:
    @workflow.run
    async def run(self) -> str:
        return "at once"


@pytest.fixture
async def plain() -> AsyncIterator[WorkflowEnvironment]:
    """A server whose histories tell in plaintext why a task failed."""
    server = Path(sys.executable).with_name("temporal-test-server")
    async with await WorkflowEnvironment.start_time_skipping(test_server_existing_path=str(server)) as started:
        yield started


async def test_a_workflow_that_hangs_fails_its_task_and_others_go_on(plain: WorkflowEnvironment):
    queue, client = uuid4().hex, plain.client
    executor = LoopExecutor(limit_seconds=0.3, look_seconds=0.05)
    worker = Worker(
        client,
        task_queue=queue,
        workflows=[Hangs, Answers],
        workflow_runner=UnsandboxedWorkflowRunner(),
        workflow_task_executor=executor,
    )
    async with worker:
        hanging = await client.start_workflow(
            Hangs.run, id=uuid4().hex, task_queue=queue, task_timeout=timedelta(seconds=1)
        )

        async def failures() -> list[str]:
            events = (await hanging.fetch_history()).events
            failed = [e for e in events if e.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED]
            return [event.workflow_task_failed_event_attributes.failure.message for event in failed]

        async def failed() -> bool:
            return bool(await failures())

        await eventually(failed, 60)
        assert "interrupted" in (await failures())[0]
        one = await client.execute_workflow(
            Answers.run, id=uuid4().hex, task_queue=queue, execution_timeout=timedelta(seconds=60)
        )
        assert one == "at once"
        Hangs.released = True
        assert await hanging.result() == "released"
