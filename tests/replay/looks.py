"""Every way that a look for abandoned runs can go, by name, and how to record what has none yet:

.venv/bin/python -m tests.replay.looks
"""

import asyncio
import secrets
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle

from activities.contracts.reconciliation import SETTLE_ABANDONED, SweepState
from config import logs
from tests.doubles.gaps import MemoryGaps
from tests.replay.bench import BODY, RecordingBench, bench_on, dev_server
from tests.replay.histories import HISTORIES, read
from tests.replay.record import anonymous

LOOKS = HISTORIES / "looks"
Handle = WorkflowHandle[None, SweepState]


async def _started(bench: RecordingBench) -> Handle:
    """A look, as the schedule starts it."""
    return await bench.client.start_workflow(
        SETTLE_ABANDONED,
        id=f"look-{secrets.token_hex(4)}",
        task_queue=bench.settings.temporal.task_queue,
        result_type=SweepState,
    )


async def _look(bench: RecordingBench) -> Handle:
    """A look that has ended; the first of its runs."""
    handle = await _started(bench)
    async with bench.working():
        with suppress(WorkflowFailureError):
            await handle.result()
    return bench.client.get_workflow_handle(handle.id, run_id=handle.first_execution_run_id)


async def _terminated(bench: RecordingBench) -> None:
    handle = await bench.start(BODY)
    await handle.terminate()
    query = f"WorkflowId = '{handle.id}' AND ExecutionStatus = 'Terminated'"
    while (await bench.client.count_workflows(query)).count == 0:
        await asyncio.sleep(0.05)


async def nothing_is_amiss(bench: RecordingBench) -> Handle:
    return await _look(bench)


async def records_what_was_terminated(bench: RecordingBench) -> Handle:
    await _terminated(bench)
    return await _look(bench)


async def goes_on_as_another_run(bench: RecordingBench) -> Handle:
    await _terminated(bench)
    with patch("activities.reconciliation.sweep.PAGES_A_RUN", 1):
        return await _look(bench)


async def is_answered_by_someone_else(bench: RecordingBench) -> Handle:
    """Someone with access to the namespace and without our keys completes a step in the worker's place."""
    reached, released = asyncio.Event(), asyncio.Event()

    async def late() -> None:
        reached.set()
        await released.wait()

    with patch.object(MemoryGaps, "last_look", side_effect=late):
        async with bench.working():
            handle = await _started(bench)
            await reached.wait()
            [pending] = (await handle.describe()).raw_description.pending_activities
            stranger = await Client.connect(bench.settings.temporal.address, namespace=bench.client.namespace)
            activity_id = pending.activity_id
            forged = stranger.get_async_activity_handle(workflow_id=handle.id, run_id=None, activity_id=activity_id)
            await forged.complete({"began_ms": 0})
            with suppress(WorkflowFailureError):
                await handle.result()
            released.set()
    return handle


WAYS: dict[str, Callable[[RecordingBench], Awaitable[Handle]]] = {
    way.__name__.replace("_", "-"): way
    for way in (
        nothing_is_amiss,
        records_what_was_terminated,
        goes_on_as_another_run,
        is_answered_by_someone_else,
    )
}


async def record(directory: Path) -> None:
    LOOKS.mkdir(exist_ok=True)
    async with dev_server(directory) as settings:
        for name, way in WAYS.items():
            path = LOOKS / f"{name}.1.json"
            if path.exists():
                continue
            place = directory / name
            place.mkdir()
            async with asyncio.timeout(60):
                history = await (await way(await bench_on(settings, place))).fetch_history()
            text = anonymous(history.to_json())
            read(text)
            path.write_text(text)
            print(f"{path.name}: {len(history.events)} events")  # noqa: T201


if __name__ == "__main__":
    logs.configure("error", "console")
    with tempfile.TemporaryDirectory(prefix="assay-record-") as folder:
        asyncio.run(record(Path(folder)))
