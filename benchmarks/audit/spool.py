"""``python -m benchmarks.audit.spool``: cost of recording refusals, and throughput of a spool.

A refusal's response waits for ``offer`` alone, so that is timed in the process; 401s are requested from the application
without a socket, with a recorder and without, and charged with all the processor time in between. Spool and log are the
real ones: SQLite on the disk of ``--directory``, PostgreSQL and Vault of the embedded stack.
"""

import asyncio
import tempfile
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, cast

import httpx2
import typer
from rich.console import Console
from rich.table import Table

from adapters.system.clock import SystemClock
from adapters.system.spool import SqliteSpool
from adapters.wiring.platform import Platform
from api.app import build_app
from api.dependencies import Readiness, Services
from api.http.metrics import Metrics
from api.main import random_tag
from benchmarks.tools.stack import TENANT, AssayStack
from config import logs, roles
from domain.identity import event_id
from domain.records.encrypted_rows import row_of, to_bytes
from domain.records.fields import EdgeRefusalFields
from domain.records.floods import Windows
from domain.records.records import EncryptedFields, EventKind, Record
from domain.refusals import Kind, Refusal
from embedded.bootstrap import let_services_in
from services.refusals.drops import Drops
from services.refusals.outbox import Outbox
from services.refusals.recorder import EdgeRecorder

_GROUPS = (1, 16, 128)
_ROUTE = {"method": "POST", "route": "/v1/inferences", "status": 401, "source": "192.0.2.1"}
_SPOOL_BYTES = 1 << 30
_BATCH = 128


class _Unrecorded:
    """Replacement of a recorder."""

    def offer(self, *_: object, **__: object) -> None:
        """Discard it."""


def _recorder(platform: Platform, spool: SqliteSpool, *, singles: int) -> EdgeRecorder:
    drops = Drops(lambda *_: None, SystemClock())
    outbox = Outbox(platform.encrypter, spool, platform.ledger, drops)
    return EdgeRecorder(outbox, Windows(singles), drops, SystemClock(), random_tag)


def _refusal(number: int) -> Record:
    now = datetime.now(UTC)
    return Record(
        event_id=event_id(int(now.timestamp() * 1000), TENANT, "edge", f"{number}-{random_tag()}", "refusal"),
        tenant=TENANT,
        kind=EventKind.REFUSED,
        recorded_at=now,
        fields=EdgeRefusalFields(
            caller=None, roles=(), refusal="missing-token", method="POST", route="/v1/inferences", status=401
        ),
        sealed=EncryptedFields(source="192.0.2.1"),
    )


async def _offers(platform: Platform, spool: SqliteSpool, number: int) -> Mapping[str, float]:
    """Measure microseconds of one offer: recorded by itself, and counted."""
    found = {}
    refusal = Refusal(Kind.MISSING_TOKEN, "no")
    for what, singles in (("offer, recorded one by one", 10**9), ("offer, in a flood", 1)):
        recorder = _recorder(platform, spool, singles=singles)
        least = min(number, 900)  # more than a thousand would be dropped: nothing empties the queue here
        begun = time.perf_counter()
        for _ in range(least):
            recorder.offer(refusal, None, **cast("Any", _ROUTE))
        found[what] = (time.perf_counter() - begun) / least * 1e6
    return found


async def _answers(platform: Platform, spool: SqliteSpool, number: int) -> Mapping[str, float]:
    """Measure microseconds of processor time of one 401, application included, with a concurrent recorder."""
    found: dict[str, float] = {}
    recorders: dict[str, Any] = {
        "401, not recorded": _Unrecorded(),
        "401, recorded one by one": _recorder(platform, spool, singles=10**9),
        "401, in a flood": _recorder(platform, spool, singles=10),
    }
    for what, recorder in recorders.items():
        unused = cast("Any", None)
        services = Services(unused, unused, unused, unused, recorder)
        app = build_app(Readiness((), services), Metrics(), 1024, random_tag)
        running = asyncio.create_task(recorder.run()) if isinstance(recorder, EdgeRecorder) else None
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1") as http:
            for counted in (number // 10, number):
                begun = time.process_time()
                for _ in range(counted):
                    await http.post("/v1/inferences", json={})
                    await asyncio.sleep(0)  # as a socket would: the recorder's tasks run, too
                found[what] = (time.process_time() - begun) / counted * 1e6
        if running is not None:
            await recorder.drain(30)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    return found


async def _throughput(platform: Platform, directory: Path, number: int) -> Mapping[str, float]:
    """Measure records per second: encrypted, grouped, and moved from spool to log one after another."""
    begun = time.perf_counter()
    rows = [to_bytes(row_of(await platform.encrypter.seal(_refusal(each)))) for each in range(number)]
    found = {"seal": number / (time.perf_counter() - begun)}
    for group in _GROUPS:
        spool = await SqliteSpool.open(directory / f"groups-of-{group}", _SPOOL_BYTES)
        few = rows[: min(number, group * 200)]
        begun = time.perf_counter()
        for start in range(0, len(few), group):
            await spool.put(few[start : start + group])
        found[f"put, {group} at a time"] = len(few) / (time.perf_counter() - begun)
        await spool.close()
    spool = await SqliteSpool.open(directory / "emptied", _SPOOL_BYTES)
    drops = Drops(lambda reason, count: print(f"dropped {count}: {reason}"), SystemClock())
    outbox = Outbox(platform.encrypter, spool, platform.ledger, drops)
    for start in range(0, number, _BATCH):
        await spool.put(rows[start : start + _BATCH])
    begun = time.perf_counter()
    running = asyncio.create_task(outbox.run())
    await outbox.drain(600)
    found["spool to log"] = number / (time.perf_counter() - begun)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await spool.close()
    return found


async def _platform(stack: AsyncExitStack, directory: Path) -> Platform:
    servers = AssayStack(directory / "stack", "http://127.0.0.1:1/v1", stack)
    settings = await servers.start()
    await asyncio.to_thread(let_services_in, servers.servers, settings, (roles.API,))
    return await Platform.open(stack, settings, roles.API, SystemClock())


async def _measure(directory: Path, number: int) -> tuple[Mapping[str, float], Mapping[str, float]]:
    async with AsyncExitStack() as stack:
        platform = await _platform(stack, directory)
        spool = await SqliteSpool.open(directory / "answers", _SPOOL_BYTES)
        stack.push_async_callback(spool.close)
        costs = {**await _offers(platform, spool, number), **await _answers(platform, spool, number)}
        return costs, await _throughput(platform, directory, number)


def main(
    number: Annotated[int, typer.Option(min=10, help="How many refusals.")] = 3000,
    directory: Annotated[Path | None, typer.Option(help="On which disk; a temporary directory by default.")] = None,
) -> None:
    """Measure, and print the results."""
    logs.configure("error", "console")
    with tempfile.TemporaryDirectory(dir=directory) as below:
        costs, speeds = asyncio.run(_measure(Path(below), number))
    console = Console()
    for title, column, figures in (("a refusal", "microseconds", costs), ("the spool", "records a second", speeds)):
        table = Table("", column, title=title)
        for what, figure in figures.items():
            table.add_row(what, f"{figure:,.1f}" if column == "microseconds" else f"{figure:,.0f}")
        console.print(table)


if __name__ == "__main__":
    typer.run(main)
