"""Reading of the log in PostgreSQL. Each row is verified against its digest."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import structlog

from adapters.postgres.encryption.encrypter import RecordEncrypter
from adapters.postgres.errors import unavailable
from adapters.postgres.pool import PostgresPool
from domain.records.ports import EVERY_RECORD
from domain.records.queries import RecordCursor, RecordFilter
from domain.records.records import EventKind, StoredRecord, stored_digest
from domain.records.stored_json import parse_fields
from domain.refusals import Kind, Refusal

_log = structlog.get_logger()
_COLUMNS = (
    "event_id, schema, tenant, kind, recorded_at, workflow_id, run_id, subject, fields, key_id, subject_key,"
    " ciphertext, digest"
)
_NEWEST = "ORDER BY recorded_at DESC, event_id DESC LIMIT"
_MOST = 1000
_NAMED = 12  # months


class PostgresRecords:
    """``RecordReader`` over the table ``assay.record``."""

    def __init__(self, pool: PostgresPool, encrypter: RecordEncrypter) -> None:
        """Take the pool and the encrypter.

        With the role ``assay-reader`` PostgreSQL shows the rows of the requested tenant only; with ``assay-auditor``
        those of all.
        """
        self._pool = pool
        self._encrypter = encrypter

    async def search(
        self,
        *,
        tenant: str | None = None,
        workflow_id: str | None = None,
        where: RecordFilter = EVERY_RECORD,
        after: RecordCursor | None = None,
        limit: int = 50,
    ) -> Sequence[StoredRecord]:
        """See ``RecordReader``; at most 1000.

        Raises:
            Refusal: INTERNAL if a row was changed after it was stored; STORE_UNAVAILABLE if a month of that time has
                leaves in the tree, and is neither readable nor archived.
        """
        limit = max(1, min(limit, _MOST))
        conditions, values = _conditions(tenant, workflow_id, where, after)
        clause = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        sql = f"SELECT {_COLUMNS} FROM assay.record {clause} {_NEWEST} ${len(values) + 1}"  # noqa: S608 - names only
        rows = await self._pool.fetch(sql, *values, limit, tenant=tenant)
        ends = [moment for moment in (where.until, after.recorded_at if after else None) if moment is not None]
        since = rows[-1]["recorded_at"] if len(rows) == limit else where.since
        await require_readable(self._pool, tenant, since, min(ends, default=None))
        return [_verified(row) for row in rows]

    async def get(self, event_id: UUID, *, tenant: str | None = None) -> StoredRecord | None:
        """See ``RecordReader``.

        Raises:
            Refusal: as ``search``.
        """
        conditions, values = _conditions(tenant, None, EVERY_RECORD, None)
        clause = " AND ".join((*conditions, f"event_id = ${len(values) + 1}"))
        sql = f"SELECT {_COLUMNS} FROM assay.record WHERE {clause}"  # noqa: S608 - names only
        rows = await self._pool.fetch(sql, *values, event_id, tenant=tenant)
        if rows:
            return _verified(rows[0])
        row = await self._pool.fetchrow("SELECT assay.is_unreadable($1, $2) AS unreadable", tenant, event_id)
        if row is None or row["unreadable"]:
            raise _unreadable("the month of this event")
        return None

    async def unseal(self, record: StoredRecord) -> Mapping[str, Any]:
        """See ``RecordReader``."""
        fields: dict[str, Any] = json.loads(await self._encrypter.unseal(record))
        return fields


async def require_readable(
    pool: PostgresPool, tenant: str | None, since: datetime | None, until: datetime | None
) -> None:
    """Check that all months of a time with leaves are readable or archived.

    Raises:
        Refusal: STORE_UNAVAILABLE if one is not: it is being archived, or its table was taken out of the log.
    """
    rows = await pool.fetch("SELECT month FROM assay.unreadable_months($1, $2, $3) AS month", tenant, since, until)
    if rows:
        months = ", ".join(f"{row['month']:%Y-%m}" for row in rows[:_NAMED])
        _log.error("records.month_unreadable", security=True, months=months)
        raise _unreadable(f"the month {months}")


def _unreadable(what: str) -> Refusal:
    return unavailable(f"{what} is in the log's tree, but can't be read: it is being archived, or was removed")


def _conditions(
    tenant: str | None, workflow_id: str | None, where: RecordFilter, after: RecordCursor | None
) -> tuple[list[str], list[object]]:
    """Return SQL conditions with their values, in the order of their parameters."""
    wanted: list[tuple[str, object]] = [
        ("tenant = {}", tenant),
        ("workflow_id = {}", workflow_id),
        ("kind = {}", where.kind.value if where.kind else None),
        ("workflow_id = {}", where.run),
        # searched in the text, which is canonical and has quotes in strings escaped: not every JSON text can be parsed
        ("position({} IN fields::text) > 0", f'"caller":"{where.caller}"' if where.caller else None),
        ("subject = {}", where.subject),
        ("recorded_at >= {}", where.since),
        ("recorded_at < {}", where.until),
    ]
    conditions, values = list[str](), list[object]()
    for condition, value in wanted:
        if value is not None:
            values.append(value)
            conditions.append(condition.format(f"${len(values)}"))
    if after is not None:
        conditions.append(f"(recorded_at, event_id) < (${len(values) + 1}, ${len(values) + 2})")
        values += [after.recorded_at, after.event_id]
    return conditions, values


def _fields(row: asyncpg.Record) -> dict[str, Any] | None:
    try:
        return parse_fields(row["fields"])
    except (ValueError, TypeError, RecursionError):
        return None


def _verified(row: asyncpg.Record) -> StoredRecord:
    columns = {name: row[name] for name in row.keys() if name not in ("fields", "digest")}  # noqa: SIM118 - no mapping
    fields = _fields(row)
    if fields is None or stored_digest(**columns, fields=fields) != row["digest"]:
        _log.error("records.digest_mismatch", security=True, event_id=str(row["event_id"]))
        raise Refusal(Kind.INTERNAL, f"record {row['event_id']} was changed after it was stored")
    return StoredRecord(**{**columns, "kind": EventKind(row["kind"])}, fields=fields, digest=row["digest"])
