"""``python -m benchmarks.audit.verify``: verification of the whole log from the store, and proofs from it.

Records are read, their digests and the tree are recomputed and compared with every tile and checkpoint, by one process
beside PostgreSQL and OpenBao on the same machine. A proof from the store is that of one event: its position, its path
from tiles, verified against the newest checkpoint and its signature.
"""

import asyncio
import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import psutil
import typer
from rich.console import Console
from rich.table import Table

from adapters.log.anchors import VaultLogAnchors
from adapters.log.audited import PostgresAuditedLog
from adapters.postgres.pool import PostgresPool
from adapters.tokens.signatures import ed25519_holds
from adapters.vault.session import ServiceSession
from benchmarks.audit.filled_log import FilledLog, filled_log
from benchmarks.tools.figures import percentile
from benchmarks.tools.machine import machine
from cli.wiring.log_verification import verify_log
from config import roles
from config.logs import configure
from embedded.bootstrap import TENANT
from embedded.operator_access import operator_session
from services.verification.merge_delay import SEALED, check_merge_delay

SIZES = (1_000, 10_000, 100_000, 1_000_000)
_MIB = 1 << 20


class DoesNotHoldError(Exception):
    """The measured object is invalid: its figures would be meaningless."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Verification of a log of ``events``: its seconds, growth of memory, and each proof's milliseconds."""

    events: int
    seconds: float
    grown_bytes: int
    proofs_ms: Sequence[float]


async def measure(log: FilledLog, size: int, proofs: int) -> Measured:
    """Extend the log to ``size``, verify it, and prove so many of its events.

    Raises:
        DoesNotHoldError: it does not verify.
    """
    await log.fill(size)
    async with operator_session(log.settings) as session:
        before, begun = psutil.Process().memory_info().rss, time.perf_counter()
        report = await verify_log(session, log.settings)
        seconds = time.perf_counter() - begun
        grown = psutil.Process().memory_info().rss - before
        filled = sum(tenant.size for tenant in report.tenants if tenant.tenant == TENANT)  # the stack records as well
        if not report.holds or filled != size:
            raise DoesNotHoldError(report)
        return Measured(size, seconds, grown, await _proofs(session, log, proofs))


async def _proofs(session: ServiceSession, log: FilledLog, count: int) -> list[float]:
    choose, found = random.Random(count), list[float]()
    keys = await VaultLogAnchors(session, log.settings.vault).keys()
    pool = PostgresPool(session, log.settings.database, roles.AUDITOR_LOGIN.name)
    await pool.start()
    try:
        for event, digest in choose.choices(log.events, k=count):
            claims = {"jti": str(event), "record_digest": digest.hex(), "tenant": TENANT}
            begun = time.perf_counter()
            delay = await check_merge_delay(
                PostgresAuditedLog(pool),
                keys,
                ed25519_holds,
                claims,
                log_name=log.settings.audit.log_name,
                max_merge_delay_seconds=60,
            )
            found.append((time.perf_counter() - begun) * 1000)
            if delay.state != SEALED:
                raise DoesNotHoldError(delay)
    finally:
        await pool.close()
    return found


def show(measured: Sequence[Measured], console: Console) -> None:
    """Print the results as a table."""
    table = Table(title="verification of the whole log, from the store", title_justify="left")
    for heading in ("events", "seconds", "events/s", "memory grew by MiB", "proof p50 ms", "proof p99 ms"):
        table.add_column(heading, justify="right")
    for found in measured:
        proofs = (f"{percentile(found.proofs_ms, of):.2f}" for of in (50, 99))
        rate, grown = f"{found.events / found.seconds:,.0f}", f"{found.grown_bytes / _MIB:.1f}"
        table.add_row(f"{found.events:,}", f"{found.seconds:.2f}", rate, grown, *proofs)
    console.print(table)


async def _measure_all(sizes: Sequence[int], proofs: int) -> list[Measured]:
    with tempfile.TemporaryDirectory() as directory:
        async with filled_log(Path(directory) / "data") as log:
            return [await measure(log, size, proofs) for size in sizes]


def main(
    most: Annotated[int, typer.Option(min=SIZES[0], help="No log of more events.")] = SIZES[-1],
    proofs: Annotated[int, typer.Option(min=1, help="Proofs for each log.")] = 500,
) -> None:
    """Measure verification of the whole log, and proofs from the store."""
    configure("warning", "console")
    console = Console(width=120)
    where = machine((0,))
    console.print(f"{where['processor']}, {where['system']}, {where['at']}, load {where['load_average_at_start'][0]}")
    show(asyncio.run(_measure_all([size for size in SIZES if size <= most], proofs)), console)


if __name__ == "__main__":
    typer.run(main)
