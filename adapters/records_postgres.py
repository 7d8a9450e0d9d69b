"""Reading the log in PostgreSQL. Each row is verified against its digest as it is read."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
import structlog

from adapters.pool_postgres import PostgresPool
from adapters.record_sealer import RecordSealer
from domain.records import EventKind, StoredRecord, stored_digest
from domain.refusals import Kind, Refusal

_log = structlog.get_logger()
_COLUMNS = (
    "event_id, schema, tenant, kind, recorded_at, workflow_id, run_id, subject, fields, key_id, subject_key,"
    " ciphertext, digest"
)
_NEWEST = "ORDER BY recorded_at DESC, event_id DESC LIMIT"
_MOST = 1000


class PostgresRecords:
    """``RecordReader`` over the table ``assay.record``."""

    def __init__(self, pool: PostgresPool, sealer: RecordSealer) -> None:
        """Take the pool (role ``assay-auditor``) and the sealer."""
        self._pool = pool
        self._sealer = sealer

    async def search(
        self, *, tenant: str | None = None, workflow_id: str | None = None, limit: int = 50
    ) -> Sequence[StoredRecord]:
        """See ``RecordReader``; at most 1000.

        Raises:
            Refusal: INTERNAL if a row was changed after it was stored.
        """
        wanted = [
            (name, value) for name, value in (("tenant", tenant), ("workflow_id", workflow_id)) if value is not None
        ]
        conditions = " AND ".join(f"{name} = ${place}" for place, (name, _) in enumerate(wanted, start=1))
        where = f"WHERE {conditions}" if conditions else ""
        sql = f"SELECT {_COLUMNS} FROM assay.record {where} {_NEWEST} ${len(wanted) + 1}"  # noqa: S608 - names only
        rows = await self._pool.fetch(sql, *(value for _, value in wanted), max(1, min(limit, _MOST)))
        return [_verified(row) for row in rows]

    async def unseal(self, record: StoredRecord) -> Mapping[str, Any]:
        """See ``RecordReader``."""
        fields: dict[str, Any] = json.loads(await self._sealer.unseal(record))
        return fields


def _verified(row: asyncpg.Record) -> StoredRecord:
    fields = json.loads(row["fields"])
    columns = {name: row[name] for name in row.keys() if name not in ("fields", "digest")}  # noqa: SIM118 - no mapping
    if stored_digest(**columns, fields=fields) != row["digest"]:
        _log.error("records.digest_mismatch", security=True, event_id=str(row["event_id"]))
        raise Refusal(Kind.INTERNAL, f"record {row['event_id']} was changed after it was stored")
    return StoredRecord(**{**columns, "kind": EventKind(row["kind"])}, fields=fields, digest=row["digest"])
