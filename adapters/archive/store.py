"""Archives in the database: months, leaves and checkpoints to verify files against."""

from collections.abc import AsyncIterator, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import asyncpg

from adapters.postgres.pool import PostgresPool
from domain.transparency.archive import RESTORED_STAYS, ArchiveInvalid, ArchiveRow, MonthStays, TenantRows

STAYS = "AS007"
_PAGE = 100
_LEAVES = 4096
_DUE = "SELECT assay.months_due($1, $2) AS month"
_STATE = "SELECT t IS NOT NULL AS here, coalesce(assay.is_attached(t), false) AS attached FROM assay.month_table($1) t"
_NOTED = (
    "SELECT month, tenant, place, sha256, manifest, rows, first_seq, last_seq, archived_at, verified_at, dropped_at,"
    " restored_at FROM assay.archive WHERE ($1::date IS NULL OR month = $1) ORDER BY month, tenant"
)
_KEEP = "SELECT assay.keep_archive($1, $2, $3, $4, $5, $6, $7, $8)"
_LEAVES_AT = "SELECT seq, event_id, digest FROM assay.leaf WHERE tenant = $1 AND seq = ANY($2::bigint[])"
_LEAVES_FROM = "SELECT seq, digest FROM assay.leaf WHERE tenant = $1 AND seq >= $2 AND seq < $3 ORDER BY seq LIMIT $4"
_LEAVES_OF_MONTH = (
    "SELECT count(*) AS leaves FROM assay.leaf l, assay.month_bounds($2) b"
    " WHERE l.tenant = $1 AND l.event_id >= b.first AND l.event_id < b.beyond"
)
_CHECKPOINT = "SELECT note FROM assay.checkpoint WHERE tenant = $1 AND size > $2 ORDER BY size LIMIT 1"


class PostgresArchives:
    """``ArchiveStore`` over the functions of migration 0011."""

    def __init__(self, pool: PostgresPool) -> None:
        """Take the pool: role ``assay-archiver``; ``noted`` is permitted to ``assay-auditor`` too."""
        self._pool = pool

    async def due(self, keep_months: int) -> list[date]:
        """See ``ArchiveStore``."""
        return [row["month"] for row in await self._pool.fetch(_DUE, keep_months, RESTORED_STAYS)]

    async def state(self, month: date) -> str:
        """See ``ArchiveStore``."""
        row = await self._pool.fetchrow(_STATE, month)
        if row is None or not row["here"]:
            return "absent"
        return "attached" if row["attached"] else "detached"

    async def announce(self, month: date, signed: str) -> None:
        """See ``ArchiveStore``."""
        await self._pool.fetch("SELECT assay.announce_archiving($1, $2)", month, signed)

    async def detach(self, month: date) -> None:
        """See ``ArchiveStore``."""
        await self._move("SELECT assay.detach_month($1)", month)

    async def attach(self, month: date) -> None:
        """See ``ArchiveStore``."""
        await self._move("SELECT assay.attach_month($1)", month)

    async def drop(self, month: date) -> None:
        """See ``ArchiveStore``."""
        await self._move("SELECT assay.drop_month($1)", month)

    async def tenants(self, month: date) -> list[TenantRows]:
        """See ``ArchiveStore``."""
        sql = (
            "SELECT r.tenant, count(*) AS rows, count(l.seq) AS leaves,"  # noqa: S608 - a constant name
            " min(l.seq) AS first_seq, max(l.seq) AS last_seq,"
            " array_agg(DISTINCT r.key_id ORDER BY r.key_id) AS key_ids, count(DISTINCT r.subject_key) AS subject_keys"
            f" FROM {_table(month)} r LEFT JOIN assay.leaf l ON l.event_id = r.event_id AND l.tenant = r.tenant"
            " GROUP BY r.tenant ORDER BY r.tenant"
        )
        return [TenantRows(**dict(row)) for row in await self._pool.fetch(sql)]

    async def pages(self, month: date, rows: TenantRows) -> AsyncIterator[list[dict[str, Any]]]:
        """See ``ArchiveStore``."""
        sql = (
            "SELECT l.seq, l.event_id, r.schema, r.tenant, r.kind, r.recorded_at,"  # noqa: S608 - a constant name
            " r.workflow_id, r.run_id, r.subject,"
            " r.fields, r.key_id, r.subject_key, r.ciphertext, r.content_mac,"
            " coalesce(r.digest, l.digest) AS digest, r.stored_at"
            f" FROM assay.leaf l LEFT JOIN {_table(month)} r ON r.event_id = l.event_id AND r.tenant = l.tenant"
            " WHERE l.tenant = $1 AND l.seq >= $2 AND l.seq <= $3 ORDER BY l.seq LIMIT $4"
        )
        at = rows.first_seq
        while at is not None:
            page = await self._pool.fetch(sql, rows.tenant, at, rows.last_seq, _PAGE)
            if page:
                yield [dict(row) for row in page]
            at = page[-1]["seq"] + 1 if len(page) == _PAGE else None

    async def noted(self, month: date | None = None) -> list[ArchiveRow]:
        """See ``ArchiveStore``."""
        return [ArchiveRow(**dict(row)) for row in await self._pool.fetch(_NOTED, month)]

    async def keep(self, month: date, tenant: str, place: str, sha256: bytes, signed: str, rows: TenantRows) -> None:
        """See ``ArchiveStore``."""
        await self._move(_KEEP, month, tenant, place, sha256, signed, rows.rows, rows.first_seq, rows.last_seq)

    async def verified(self, month: date, tenant: str, sha256: bytes) -> None:
        """See ``ArchiveStore``."""
        await self._move("SELECT assay.archive_verified($1, $2, $3)", month, tenant, sha256)

    async def begin_restore(self, month: date) -> None:
        """See ``ArchiveStore``."""
        await self._move("SELECT assay.begin_restore($1)", month)

    async def restore_rows(self, month: date, tenant: str, lines: Sequence[str]) -> None:
        """See ``ArchiveStore``."""
        await self._move("SELECT assay.restore_rows($1, $2, $3::json)", month, tenant, f"[{','.join(lines)}]")

    async def end_restore(self, month: date, tenants: Sequence[str]) -> None:
        """See ``ArchiveStore``."""
        await self._move("SELECT assay.end_restore($1, $2)", month, list(tenants))

    async def leaves(self, tenant: str, seqs: Sequence[int]) -> dict[int, tuple[UUID, bytes]]:
        """See ``ArchiveStore``."""
        rows = await self._pool.fetch(_LEAVES_AT, tenant, list(seqs))
        return {row["seq"]: (row["event_id"], row["digest"]) for row in rows}

    async def leaf_count(self, tenant: str, month: date) -> int:
        """See ``ArchiveStore``."""
        row = await self._pool.fetchrow(_LEAVES_OF_MONTH, tenant, month)
        return int(row["leaves"]) if row else 0

    async def entries(self, tenant: str, size: int) -> AsyncIterator[list[bytes]]:
        """See ``ArchiveStore``."""
        at = 0
        while at < size:
            page = await self._pool.fetch(_LEAVES_FROM, tenant, at, size, _LEAVES)
            if not page or page[-1]["seq"] != at + len(page) - 1:
                raise ArchiveInvalid(f"the log: the leaf of {tenant} after {at} is missing")
            yield [row["digest"] for row in page]
            at += len(page)

    async def checkpoint(self, tenant: str, last_seq: int) -> str | None:
        """See ``ArchiveStore``."""
        row = await self._pool.fetchrow(_CHECKPOINT, tenant, last_seq)
        return str(row["note"]) if row else None

    async def _move(self, sql: str, *arguments: object) -> None:
        try:
            await self._pool.fetch(sql, *arguments)
        except asyncpg.PostgresError as error:
            if error.sqlstate == STAYS:
                raise MonthStays(str(error.args[0])) from None  # the text comes from Assay's own functions
            raise


def _table(month: date) -> str:
    return f"assay.record_{month:%Y_%m}"
