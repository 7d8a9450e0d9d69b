"""Budgets and records in PostgreSQL: one function call, one transaction."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from uuid import UUID

import asyncpg

from adapters.postgres.encryption.encrypter import RecordEncrypter
from adapters.postgres.errors import ADMITTED, CONFLICT, KEY_ERASED, RECORDED, unavailable
from adapters.postgres.pool import PostgresPool
from domain.budgets.values import (
    Admitted,
    AlreadyAdmitted,
    AlreadyRecorded,
    Appended,
    BegunCalls,
    OutcomeOfAnotherRun,
    QuotaSpent,
    QuotaState,
    RecordConflict,
    Reservation,
)
from domain.records.encrypted_rows import EncryptedRow, KeyErased, row_of
from domain.records.records import Record
from domain.refusals import Kind, Refusal

RECORD = (
    "ROW($1::uuid, $2::smallint, $3::text, $4::text, $5::timestamptz, $6::text, $7::text, $8::text, $9::json,"
    " $10::text, $11::uuid, $12::bytea, $13::bytea, $14::bytea)::assay.sealed_record"
)
"""Columns of an encrypted record as one value, for statements whose parameters begin with $15."""

_APPEND = f"SELECT * FROM assay.append({RECORD})"  # noqa: S608 - a constant
_ADMIT = f"SELECT * FROM assay.admit($15, $16, $17, $18, {RECORD})"  # noqa: S608
_CLOSE = f"SELECT * FROM assay.close($15, $16, {RECORD})"  # noqa: S608
_QUOTA = "SELECT * FROM assay.quota_state($1, $2)"
_BEGIN_CALL = "SELECT assay.begin_call($1, $2, $3) AS calls"
_BEGUN_CALLS = "SELECT calls, tokens FROM assay.begun_calls($1, $2)"
_OUTCOME = "SELECT run, event, kind, refusal FROM assay.run_outcome($1, $2)"


class _AnotherAdmitted(Exception):
    """Another run of the workflow ID is admitted. The argument is its run ID."""


class PostgresLedger:
    """``Ledger`` over the functions of the schema ``assay``."""

    def __init__(self, pool: PostgresPool, encrypter: RecordEncrypter) -> None:
        """Take the pool and the encrypter.

        The pool's role is ``assay-writer``, or ``assay-api`` for ``append``, ``quota`` and ``outcome``.
        """
        self._pool = pool
        self._encrypter = encrypter

    async def admit(
        self, reservation: Reservation, record: Record
    ) -> Admitted | QuotaSpent | AlreadyAdmitted | AlreadyRecorded:
        """See ``Ledger``."""
        wanted = (reservation.reservation_id, reservation.caller, reservation.tokens, reservation.daily_limit)
        if reservation.tenant != record.tenant:
            raise Refusal(Kind.INTERNAL, "a reservation and its record must have the same tenant")
        try:
            row = await self._store(_ADMIT, record, *wanted)
        except OutcomeOfAnotherRun as found:
            return found.recorded
        except _AnotherAdmitted as found:
            return AlreadyAdmitted(str(found))
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
        beside: list[asyncio.Future[None]] = []

        def begin(digest: bytes) -> None:
            if meanwhile is not None and not beside:
                beside.append(asyncio.ensure_future(meanwhile(digest)))

        try:
            row = await self._store(_CLOSE, record, reservation_id, actual_tokens, begin=begin)
            await asyncio.gather(*beside)
        finally:
            for future in beside:
                future.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
        return _appended(record.event_id, row)

    async def begin_call(self, reservation_id: UUID, tenant: str, most: int) -> int | None:
        """See ``Ledger``."""
        row = await self._pool.fetchrow(_BEGIN_CALL, reservation_id, tenant, most)
        calls: int | None = row["calls"] if row else None
        return calls

    async def begun_calls(self, reservation_id: UUID, tenant: str) -> BegunCalls:
        """See ``Ledger``."""
        row = await self._pool.fetchrow(_BEGUN_CALLS, reservation_id, tenant)
        return BegunCalls(row["calls"], row["tokens"]) if row else BegunCalls()

    async def outcome(self, tenant: str, workflow_id: str) -> AlreadyAdmitted | AlreadyRecorded | None:
        """See ``Ledger``."""
        row = await self._pool.fetchrow(_OUTCOME, tenant, workflow_id)
        if row is None:
            return None
        return AlreadyAdmitted(row["run"]) if row["event"] is None else AlreadyRecorded(*row.values())

    async def append(self, record: Record) -> Appended:
        """See ``Ledger``."""
        return _appended(record.event_id, await self._store(_APPEND, record))

    async def append_encrypted(self, row: EncryptedRow) -> Appended:
        """Record an event that was encrypted earlier. Exactly once by event ID.

        Raises:
            KeyErased: the data subject's key was erased, so the record can't be read.
            RecordConflict: an event of that ID exists with other content.
            Refusal: STORE_UNAVAILABLE; INTERNAL if the store rejects it.
        """
        return _appended(row.event_id, await self._call(_APPEND, row))

    async def quota(self, tenant: str, caller: str, daily_limit: int) -> QuotaState:
        """See ``Ledger``."""
        row = await self._pool.fetchrow(_QUOTA, tenant, caller)
        if row is None:
            raise unavailable()
        return _quota(daily_limit, row)

    async def _store(
        self, sql: str, record: Record, *more: object, begin: Callable[[bytes], None] = lambda _: None
    ) -> asyncpg.Record:
        """Encrypt and store; repeat once if the data subject's key was erased meanwhile. ``begin`` receives the stored
        digest.
        """
        sealed = await self._encrypter.seal(record)
        begin(sealed.digest)
        try:
            return await self._call(sql, row_of(sealed), *more)
        except KeyErased:
            self._encrypter.forget(record.tenant, sealed.subject)
        try:
            return await self._call(sql, row_of(await self._encrypter.seal(record)), *more)
        except KeyErased:
            raise unavailable("the data subject's key is being erased") from None

    async def _call(self, sql: str, sealed: EncryptedRow, *more: object) -> asyncpg.Record:
        try:
            row = await self._pool.fetchrow(sql, *sealed.columns(), *more)
        except asyncpg.PostgresError as error:
            if error.sqlstate == CONFLICT:
                raise RecordConflict(sealed.event_id, str(error.detail)) from None
            if error.sqlstate == KEY_ERASED:
                raise KeyErased from None
            if error.sqlstate == RECORDED:
                found = json.loads(str(error.detail))
                recorded = AlreadyRecorded(found["run"], UUID(found["event"]), found["kind"], found["refusal"])
                raise OutcomeOfAnotherRun(recorded) from None
            if error.sqlstate == ADMITTED:
                raise _AnotherAdmitted(str(error.detail)) from None
            raise Refusal(
                Kind.INTERNAL, "the ledger rejected it: the reservation is closed, or belongs to another run"
            ) from error
        if row is None:
            raise unavailable()
        return row


def _appended(event_id: UUID, row: asyncpg.Record) -> Appended:
    return Appended(event_id, row["stored_digest"], row["stored_time"], row["repeated"])


def _quota(limit: int, row: asyncpg.Record) -> QuotaState:
    return QuotaState(limit, row["used"], row["reserved"], row["resets_in"])
