"""Recording under load: sixteen writers append while the sequencer, in a separate process, keeps pace or does not.

.venv/bin/python -m benchmarks.audit.append [--seconds 20] [--writers 16] [--demand]

PostgreSQL (synchronous commit on) and OpenBao are real and run for this alone. Two variants are measured: rows
encrypted in advance, the limit of database and sequencer; and records encrypted when appended.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import psutil
import uvloop

from adapters.postgres.ledger import _APPEND  # the product's own statement
from adapters.system.clock import SystemClock
from adapters.wiring.platform import Platform
from benchmarks.tools.cpu import cpu_times
from benchmarks.tools.figures import percentile
from benchmarks.tools.stack import free_stack
from config import roles
from config.settings import Settings
from domain.identity import event_id
from domain.records.fields import OutcomeFields
from domain.records.records import EncryptedFields, EventKind, Record, canonical, stored_digest
from embedded.bootstrap import TENANT, let_services_in
from embedded.places import local_settings
from embedded.servers.group import EmbeddedServers
from embedded.stack import serve_spec

DEMANDED = 3_000
"""Appends per second, with the sequencer keeping pace."""

CIPHERTEXT_BYTES = 2_048
_FIELDS = {"model": "local", "decision": "allow", "prompt_tokens": 120, "completion_tokens": 80, "policy": "0" * 64}
_KEEPS_PACE_SECONDS = 1.0
_PROCESSORS = range(psutil.cpu_count() or 1)
_SAMPLE_SECONDS = 0.25


@dataclass
class Figures:
    """Figures of one variant over its seconds. ``lag_s`` is the age of the oldest pending record."""

    seconds: float
    latencies_ms: list[float] = field(repr=False)
    sequenced: int
    waiting: int
    lag_s: float
    drained_s: float
    cpu: dict[str, float]

    def lines(self, name: str) -> list[str]:
        """Return the figures as text."""
        rate = len(self.latencies_ms) / self.seconds
        p50, p99 = (percentile(self.latencies_ms, percent) for percent in (50, 99))
        cpu = ", ".join(f"{who} {share:.2f}" for who, share in self.cpu.items())
        after = f"the rest was in the tree after {self.drained_s:.2f} s"
        return [
            f"{name}: {rate:,.0f} appends/s, p50 {p50:.1f} ms, p99 {p99:.1f} ms",
            f"  sequenced {self.sequenced / self.seconds:,.0f}/s meanwhile; at most {self.waiting:,} waited;",
            f"  the oldest of them for {self.lag_s:.2f} s at most; {after}",
            f"  processors used: {cpu}",
        ]

    @property
    def holds(self) -> bool:
        """Return True if the demand is met."""
        return len(self.latencies_ms) / self.seconds >= DEMANDED and self.lag_s <= _KEEPS_PACE_SECONDS


Append = Callable[[], Awaitable[object]]


@asynccontextmanager
async def running(directory: Path) -> AsyncIterator[tuple[EmbeddedServers, Settings, Platform, asyncpg.Connection]]:
    """Run the servers, a sequencer, and a writer's adapters."""
    async with AsyncExitStack() as stack:
        settings, servers = await free_stack(directory, stack)
        await servers.add(serve_spec(servers, settings, "sequencer"))
        let_services_in(servers, settings, (roles.WORKER,))
        local = local_settings(settings)
        local = local.model_copy(update={"database": local.database.model_copy(update={"pool_size": 16})})
        platform = await Platform.open(stack, local, roles.WORKER, SystemClock())
        connection = await asyncpg.connect(
            host=local.database.host,
            port=local.database.port,
            database=local.database.name,
            user=servers.postgres_superuser,
            password=servers.postgres_superuser_password,
        )
        stack.push_async_callback(connection.close)
        yield servers, local, platform, connection


def new_event() -> UUID:
    """Return an event ID of now."""
    return event_id(time.time_ns() // 1_000_000, TENANT, "benchmark", os.urandom(8).hex(), "outcome")


def row() -> tuple[object, ...]:
    """Return the arguments of ``append`` for an encrypted record: random bytes in place of ciphertext."""
    workflow = f"inf.{TENANT}.{os.urandom(16).hex()}"
    shown: dict[str, Any] = {
        "event_id": new_event(),
        "schema": 2,
        "tenant": TENANT,
        "kind": "completed",
        "recorded_at": datetime.now(UTC),
        "workflow_id": workflow,
        "run_id": os.urandom(16).hex(),
        "subject": None,
        "key_id": "0" * 32,
        "subject_key": None,
        "ciphertext": os.urandom(CIPHERTEXT_BYTES),
    }
    digest = stored_digest(**shown, fields=_FIELDS)
    *head, key_id, subject_key, ciphertext = shown.values()
    return (*head, canonical(_FIELDS).decode(), key_id, subject_key, ciphertext, os.urandom(32), digest)


def record() -> Record:
    """Return a record with an encrypted part of the same length."""
    return Record(
        event_id=new_event(),
        tenant=TENANT,
        kind=EventKind.COMPLETED,
        recorded_at=datetime.now(UTC),
        fields=OutcomeFields(model="local", decision="allow", prompt_tokens=120, completion_tokens=80, policy="0" * 64),
        sealed=EncryptedFields(subject="client:bench", prompt="p" * 1_400, answer="a" * 560),
        workflow_id=f"inf.{TENANT}.{os.urandom(16).hex()}",
        run_id=os.urandom(16).hex(),
    )


async def measure(
    append: Append, writers: int, seconds: float, connection: asyncpg.Connection, processes: Mapping[str, Sequence[int]]
) -> Figures:
    """Let so many writers append for so long, one record after another each."""
    latencies, lags = list[float](), list[tuple[int, float]]()
    size = "SELECT coalesce(sum(size), 0)::bigint FROM assay.log_head"
    before, cpu, own = await connection.fetchval(size), cpu_times(processes, _PROCESSORS), time.process_time()
    begun = time.monotonic()

    async def write() -> None:
        while (at := time.monotonic()) - begun < seconds:
            await append()
            latencies.append((time.monotonic() - at) * 1000)

    async def watch() -> None:
        while time.monotonic() - begun < seconds:
            await asyncio.sleep(_SAMPLE_SECONDS)
            for found in await connection.fetch("SELECT waiting, oldest FROM assay.log_lag()"):
                lags.append((found["waiting"], found["oldest"]))

    watching = asyncio.create_task(watch())
    await asyncio.gather(*(write() for _ in range(writers)))
    took = time.monotonic() - begun
    await watching
    spent, own = cpu_times(processes, _PROCESSORS).since(cpu), time.process_time() - own
    sequenced = await connection.fetchval(size) - before
    while await connection.fetchval("SELECT EXISTS (SELECT FROM assay.pending)"):  # noqa: ASYNC110 - another's work
        await asyncio.sleep(0.01)
    drained = time.monotonic() - begun - took
    shares = {name: value / took for name, value in {"writers": own, **spent.groups}.items()}
    shares["others on this machine"] = max(0.0, spent.machine / took - sum(shares.values()))
    waiting, lag = (max(values) for values in zip(*lags, strict=True))
    return Figures(took, latencies, sequenced, waiting, lag, drained, shares)


async def main(seconds: float, writers: int) -> dict[str, Figures]:
    """Measure both variants, one after the other."""
    with tempfile.TemporaryDirectory() as directory:
        async with running(Path(directory) / "data") as (servers, _, platform, connection):
            pids = {status.name: [status.pid] for status in servers.status() if status.pid}
            rows = iter([row() for _ in range(int(seconds * 9_000))])

            async def sealed_before() -> None:
                await platform.pool.fetchrow(_APPEND, *next(rows))

            async def sealed_now() -> None:
                await platform.ledger.append(record())

            await sealed_now()
            ways = {"rows sealed beforehand": sealed_before, "records sealed as they come": sealed_now}
            return {name: await measure(way, writers, seconds, connection, pids) for name, way in ways.items()}


def command() -> int:
    """Run the command; see the module."""
    parser = argparse.ArgumentParser(description="Measure recording with the sequencer beside it.")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--writers", type=int, default=16)
    parser.add_argument("--demand", action="store_true", help="fail unless the rows sealed beforehand keep the demand")
    arguments = parser.parse_args()
    found = uvloop.run(main(arguments.seconds, arguments.writers))
    for name, figures in found.items():
        sys.stdout.write("\n".join([*figures.lines(name), ""]))
    return int(arguments.demand and not found["rows sealed beforehand"].holds)


if __name__ == "__main__":
    sys.exit(command())
