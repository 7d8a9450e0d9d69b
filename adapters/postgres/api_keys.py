"""API keys in PostgreSQL: one function call each, in one transaction with its record."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import asyncpg

from adapters.postgres.encryption.api_key_grants import GrantEncrypter
from adapters.postgres.encryption.encrypter import RecordEncrypter
from adapters.postgres.errors import KEY_ENDED, KEY_ERASED, TOO_MANY_KEYS, unavailable
from adapters.postgres.ledger import RECORD
from adapters.postgres.pool import PostgresPool
from domain.access.api_keys import ApiKey, KeyGrant, KeyTimes, SealedApiKey
from domain.records.encrypted_rows import row_of
from domain.records.records import Record
from domain.refusals import Kind, Refusal

_NEW = (
    "ROW($15::text, $16::text, $17::text, $18::text, $19::text, $20::bytea, $21::timestamptz, $22::timestamptz,"
    " $23::text, $24::bytea, $25::bytea)::assay.new_api_key"
)
_CREATE = f"SELECT assay.create_api_key($26, {_NEW}, {RECORD})"
_ROTATE = f"SELECT assay.rotate_api_key($26, $27, {_NEW}, {RECORD})"
_REVOKE = f"SELECT assay.revoke_api_key($15, $16, {RECORD}) AS known"
_FIND = "SELECT * FROM assay.find_api_key($1)"
_LIST = "SELECT * FROM assay.api_keys($1, $2, $3)"
_USED = "SELECT assay.api_keys_used($1::text[], $2::timestamptz[])"
_MOST = 1000


class PostgresApiKeys:
    """``ApiKeyStore`` over the functions of ``0027_api_keys.sql``."""

    def __init__(self, pool: PostgresPool, encrypter: RecordEncrypter, grants: GrantEncrypter) -> None:
        """Take the pool (role ``assay-api``), and the process's encrypters."""
        self._pool = pool
        self._encrypter = encrypter
        self._grants = grants

    async def create(self, key: ApiKey, secret_hash: bytes, record: Record, *, most: int) -> None:
        """See ``ApiKeyStore``."""
        sealed = await self._grants.seal(key, secret_hash)
        await self._call(_CREATE, record, *_columns(sealed), most)

    async def rotate(self, old_id: str, ends_at: datetime, key: ApiKey, secret_hash: bytes, record: Record) -> None:
        """See ``ApiKeyStore``."""
        sealed = await self._grants.seal(key, secret_hash)
        await self._call(_ROTATE, record, *_columns(sealed), old_id, ends_at)

    async def revoke(self, key_id: str, caller: str | None, record: Record) -> bool:
        """See ``ApiKeyStore``."""
        row = await self._call(_REVOKE, record, key_id, caller)
        return bool(row["known"])

    async def find(self, key_id: str) -> SealedApiKey | None:
        """See ``ApiKeyStore``."""
        row = await self._pool.fetchrow(_FIND, key_id)
        return None if row is None else _sealed(row)

    async def of_tenant(self, tenant: str, caller: str | None) -> Sequence[SealedApiKey]:
        """See ``ApiKeyStore``."""
        return [_sealed(row) for row in await self._pool.fetch(_LIST, tenant, caller, _MOST)]

    async def open(self, key: SealedApiKey) -> KeyGrant | None:
        """See ``ApiKeyStore``."""
        return await self._grants.open(key)

    async def note_uses(self, uses: Mapping[str, datetime]) -> None:
        """See ``ApiKeyStore``."""
        await self._pool.fetch(_USED, list(uses), list(uses.values()))

    async def _call(self, sql: str, record: Record, *more: object) -> asyncpg.Record:
        """Store with the record. Repeats once if the key of the maker, a data subject, was erased meanwhile."""
        for last in (False, True):
            sealed = await self._encrypter.seal(record)
            try:
                row = await self._pool.fetchrow(sql, *row_of(sealed).columns(), *more)
            except asyncpg.PostgresError as error:
                if error.sqlstate != KEY_ERASED or last:
                    raise _meaning(error) from None
                self._encrypter.forget(record.tenant, sealed.subject)
            else:
                if row is not None:
                    return row
                break
        raise unavailable()


def _meaning(error: asyncpg.PostgresError) -> Refusal:
    match error.sqlstate:
        case str(state) if state == TOO_MANY_KEYS:
            return Refusal(Kind.FORBIDDEN, "the policy permits no more API keys at a time: revoke one first")
        case str(state) if state == KEY_ENDED:
            return Refusal(Kind.NOT_FOUND, "there is no such API key, or it has ended or was replaced")
        case _:
            return Refusal(Kind.INTERNAL, "the database rejected an API key")


def _columns(key: SealedApiKey) -> tuple[object, ...]:
    """Return the values of ``assay.new_api_key``, in order."""
    return (
        *(key.id, key.tenant, key.caller, key.subject, key.family, key.secret_hash),
        *(key.times.created_at, key.times.expires_at, key.data_key, key.sealed, key.mac),
    )


def _sealed(row: asyncpg.Record) -> SealedApiKey:
    return SealedApiKey(
        id=row["id"],
        tenant=row["tenant"],
        caller=row["caller"],
        subject=row["subject"],
        family=row["family"],
        secret_hash=row["secret_hash"],
        data_key=row["data_key"],
        sealed=row["sealed"],
        mac=row["mac"],
        times=KeyTimes(
            created_at=row["created_at"],
            expires_at=row["expires_at"],
            ends_at=row["ends_at"],
            revoked_at=row["revoked_at"],
            last_used_at=row["last_used_at"],
        ),
    )
