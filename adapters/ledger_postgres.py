"""Budgets and records in PostgreSQL: one call of one function, one transaction."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar
from uuid import UUID

import asyncpg

from adapters.pool_postgres import PostgresPool
from adapters.postgres_errors import CONFLICT, unavailable
from adapters.record_sealer import RecordSealer, SealedRecord
from domain.budgets import Admitted, Appended, QuotaSpent, QuotaState, RecordConflict, Reservation
from domain.records import Record
from domain.refusals import Kind, Refusal

T = TypeVar("T")

_APPEND = "SELECT * FROM assay.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
_ADMIT = "SELECT * FROM assay.admit($12, $13, $14, $15, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
_CLOSE = "SELECT * FROM assay.close($12, $13, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
_QUOTA = "SELECT * FROM assay.quota_state($1, $2)"


class PostgresLedger:
    """``Ledger`` over the functions of the schema ``assay``."""

    def __init__(self, pool: PostgresPool, sealer: RecordSealer) -> None:
        """Take the pool (role ``assay-writer``, or ``assay-api`` for ``append`` and ``quota``) and the sealer."""
        self._pool = pool
        self._sealer = sealer

    async def admit(self, reservation: Reservation, record: Record) -> Admitted | QuotaSpent:
        """See ``Ledger``."""
        sealed = await self._sealer.seal(record)
        wanted = (reservation.reservation_id, reservation.caller, reservation.tokens, reservation.daily_limit)
        if reservation.tenant != record.tenant:
            raise Refusal(Kind.INTERNAL, "a reservation and its record are of one tenant")
        row = await self._call(_ADMIT, sealed, *wanted)
        if row["admitted"]:
            return Admitted(_appended(record.event_id, row))
        return QuotaSpent(_quota(reservation.daily_limit, row))

    async def close(
        self,
        reservation_id: UUID | None,
        actual_tokens: int,
        record: Record,
        meanwhile: Callable[[bytes], Awaitable[None]] | None = None,
    ) -> Appended:
        """See ``Ledger``."""
        sealed = await self._sealer.seal(record)
        beside = asyncio.ensure_future(meanwhile(sealed.digest) if meanwhile is not None else asyncio.sleep(0))
        try:
            row = await self._call(_CLOSE, sealed, reservation_id, actual_tokens)
            await beside
        finally:
            beside.cancel()
            await asyncio.gather(beside, return_exceptions=True)
        return _appended(record.event_id, row)

    async def append(self, record: Record) -> Appended:
        """See ``Ledger``."""
        return _appended(record.event_id, await self._call(_APPEND, await self._sealer.seal(record)))

    async def quota(self, tenant: str, caller: str, daily_limit: int) -> QuotaState:
        """See ``Ledger``."""
        row = await self._pool.fetchrow(_QUOTA, tenant, caller)
        if row is None:
            raise unavailable()
        return _quota(daily_limit, row)

    async def _call(self, sql: str, sealed: SealedRecord, *more: object) -> asyncpg.Record:
        try:
            row = await self._pool.fetchrow(sql, *_arguments(sealed), *more)
        except asyncpg.PostgresError as error:
            if error.sqlstate == CONFLICT:
                raise RecordConflict(sealed.record.event_id, str(error.detail)) from None
            raise Refusal(Kind.INTERNAL, "the ledger refuses: the reservation is closed, or is another's") from error
        if row is None:
            raise unavailable()
        return row


def _arguments(sealed: SealedRecord) -> tuple[object, ...]:
    record = sealed.record
    return (
        *(record.event_id, record.tenant, record.kind.value, record.recorded_at, record.workflow_id, record.run_id),
        *(sealed.fields_json, sealed.key_id, sealed.ciphertext, sealed.content_mac, sealed.digest),
    )


def _appended(event_id: UUID, row: asyncpg.Record) -> Appended:
    return Appended(event_id, row["stored_digest"], row["stored_time"], row["repeated"])


def _quota(limit: int, row: asyncpg.Record) -> QuotaState:
    return QuotaState(limit, row["used"], row["reserved"], row["resets_in"])
