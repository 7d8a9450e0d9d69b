"""Storage of a run: in Temporal's SQLite file, and in PostgreSQL."""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncpg

from benchmarks.gateway.subjects.assay import Assay
from benchmarks.gateway.subjects.base import Load
from embedded.servers.group import EmbeddedServers

_SETTLED_SECONDS = 2.0
_PATIENCE_SECONDS = 30.0
_KB = 1000


def sqlite_bytes(database: Path) -> int:
    """Return the size of the database for a reader, its write-ahead log included."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        [pages] = connection.execute("PRAGMA page_count").fetchone()
        [size] = connection.execute("PRAGMA page_size").fetchone()
        return int(pages) * int(size)


async def settled(measure: Callable[[], int]) -> int:
    """Return the measure once it was constant for two seconds: servers finish their work after the answer."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    value, since = measure(), time.monotonic()
    while time.monotonic() - since < _SETTLED_SECONDS and time.monotonic() < deadline:
        await asyncio.sleep(0.2)
        if (now := measure()) != value:
            value, since = now, time.monotonic()
    return value


async def storage(subject: Assay, servers: EmbeddedServers, requests: int) -> dict[str, Any]:
    """Measure kilobytes (1000 bytes) per run, over so many runs by 16 callers, after checkpoints."""
    database = servers.layout.root / "temporal" / "temporal.db"
    before, (tables, wal) = await settled(lambda: sqlite_bytes(database)), await _postgres(subject, servers)
    await subject.run(Load(16, requests))
    after, (tables_after, wal_after) = await settled(lambda: sqlite_bytes(database)), await _postgres(subject, servers)

    def each(grown: int) -> float:
        return round(grown / requests / _KB, 2)

    return {
        "runs": requests,
        "temporal_kb_per_run": each(after - before),
        "postgresql_kb_per_run": each(tables_after - tables),
        "postgresql_wal_kb_per_run": each(wal_after - wal),
    }


async def _postgres(subject: Assay, servers: EmbeddedServers) -> tuple[int, int]:
    """Return bytes of the database after a checkpoint, and bytes ever written to its write-ahead log."""
    place = subject.settings.database
    connection = await asyncpg.connect(
        host=place.host,
        port=place.port,
        database=place.name,
        user=servers.postgres_superuser,
        password=servers.postgres_superuser_password,
    )
    try:
        await connection.execute("CHECKPOINT")
        size = await connection.fetchval("SELECT pg_database_size(current_database())")
        written = await connection.fetchval("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint")
    finally:
        await connection.close()
    return int(size), int(written)
