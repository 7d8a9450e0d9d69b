"""Erasure and legal hold in PostgreSQL: one function call each, in one transaction with its record."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from adapters.postgres.encryption.encrypter import RecordEncrypter
from adapters.postgres.errors import HELD, OTHER_STEP, SAME_PERSON, TENANT_ERASED, unavailable
from adapters.postgres.ledger import RECORD
from adapters.postgres.pool import PostgresPool
from domain.records.custody import Hold
from domain.records.encrypted_rows import EncryptedRecord, row_of
from domain.records.records import Record
from domain.refusals import Kind, Refusal

_ERASE = f"SELECT assay.erase_subject($15, {RECORD}) AS erased"
_ERASE_TENANT = f"SELECT * FROM assay.erase_tenant($15, {RECORD})"  # noqa: S608 - a constant
_PLACE = f"SELECT * FROM assay.place_hold($15, $16, {RECORD})"  # noqa: S608
_RELEASE = f"SELECT * FROM assay.release_hold($15, $16, $17, {RECORD})"  # noqa: S608
_HOLDS = "SELECT * FROM assay.holds($1, $2)"
_WAS_ERASED = "SELECT 1 FROM assay.erased_tenant WHERE tenant = $1"
_MOST = 1000


class PostgresCustody:
    """``Custody`` over the functions of the schema ``assay``."""

    def __init__(self, pool: PostgresPool, encrypter: RecordEncrypter) -> None:
        """Take the pool (role ``assay-api``), and the process's encrypter of records."""
        self._pool = pool
        self._encrypter = encrypter

    async def erase(self, subject: str, record: Record) -> int:
        """See ``Custody``."""
        row = await _call(self._pool, _ERASE, await self._encrypter.seal(record), subject)
        self._encrypter.forget(record.tenant, subject)
        return int(row["erased"])

    async def place_hold(self, subject: str | None, by: str, record: Record) -> Hold:
        """See ``Custody``."""
        return _hold(await _call(self._pool, _PLACE, await self._encrypter.seal(record), subject, by))

    async def release_hold(self, hold_id: UUID, by: str, records: tuple[Record, Record]) -> Hold:
        """See ``Custody``."""
        for is_last, record in enumerate(records):
            try:
                row = await _call(self._pool, _RELEASE, await self._encrypter.seal(record), hold_id, by, bool(is_last))
            except _OtherStep:
                continue
            if row["id"] is None:
                raise Refusal(Kind.NOT_FOUND, "there is no such legal hold")
            return _hold(row)
        raise unavailable("the legal hold is being released")  # steps go forward only: no third attempt is needed

    async def holds(self, tenant: str) -> Sequence[Hold]:
        """See ``Custody``."""
        return [_hold(row) for row in await self._pool.fetch(_HOLDS, tenant, _MOST)]


async def erase_tenant(pool: PostgresPool, tenant: str, sealed: EncryptedRecord) -> bool:
    """Erase the keys of a tenant's data subjects and record it. False if it was recorded before.

    By role ``assay-custodian``.

    Raises:
        Refusal: LEGAL_HOLD while any hold of the tenant is in force; STORE_UNAVAILABLE.
    """
    row = await _call(pool, _ERASE_TENANT, sealed, tenant)
    return not row["repeated"]


async def was_erased(pool: PostgresPool, tenant: str) -> bool:
    """Test for the name of an erased tenant, by role ``assay-auditor``. Raises ``Refusal`` STORE_UNAVAILABLE."""
    return bool(await pool.fetch(_WAS_ERASED, tenant))


class _OtherStep(Exception):
    """The hold is at the other step of its release."""


async def _call(pool: PostgresPool, sql: str, sealed: EncryptedRecord, *more: object) -> asyncpg.Record:
    try:
        row = await pool.fetchrow(sql, *row_of(sealed).columns(), *more)
    except asyncpg.PostgresError as error:
        raise _meaning(error) from None
    if row is None:
        raise unavailable()
    return row


def _meaning(error: asyncpg.PostgresError) -> Exception:
    match error.sqlstate:
        case str(state) if state == HELD:
            return Refusal(Kind.LEGAL_HOLD, "a legal hold covers data that was to be erased")
        case str(state) if state == SAME_PERSON:
            return Refusal(Kind.DUAL_CONTROL_NEEDED, "the same person requested it before: a second person is required")
        case str(state) if state == TENANT_ERASED:
            return Refusal(Kind.FORBIDDEN, "the tenant is erased")
        case str(state) if state == OTHER_STEP:
            return _OtherStep()
        case _:
            return Refusal(Kind.INTERNAL, "the log already has this event with other content")


def _hold(row: asyncpg.Record) -> Hold:
    return Hold(**dict(row.items()))
