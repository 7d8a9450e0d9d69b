"""Keys of data subjects: 32 random bytes each, stored in PostgreSQL, wrapped with the tenant's data key.

Erasing a wrapped key makes all records encrypted with it unreadable, while the log over them still verifies. A wrapped
key is a random nonce of 12 bytes, then AES-256-GCM (NIST SP 800-38D) ciphertext and tag; tenant, data subject and the
key's own ID are associated data.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import asyncpg
from cachetools import TTLCache
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.postgres.errors import unavailable
from adapters.postgres.pool import PostgresPool
from assay_temporal.keyring import KEY_BYTES, DataKey, KeyRing, KeyUnavailable, derive

PURPOSE = "assay/subject-key/v1"
_KEEP = "SELECT * FROM assay.keep_subject_key($1, $2, $3, $4, $5)"
_FIND = "SELECT subject, data_key, wrapped FROM assay.subject_key WHERE tenant = $1 AND id = $2"
_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class SubjectKey:
    """Key of a data subject. ``data_key`` is the ID of the data key that wraps it."""

    id: UUID
    data_key: str
    material: bytes = field(repr=False)


class PostgresSubjectKeys:
    """Keys of data subjects over one login, cached: an erasure takes full effect after ``max_age``."""

    def __init__(
        self,
        pool: PostgresPool,
        keyring: KeyRing,
        *,
        max_age_seconds: float = 60.0,
        max_keys: int = 4096,
        random_bytes: Callable[[int], bytes] = os.urandom,
        random_id: Callable[[], UUID] = uuid4,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take a pool that may call ``keep_subject_key`` (for ``current``) or read the table (for ``by_id``)."""
        self._pool = pool
        self._keyring = keyring
        self._random_bytes = random_bytes
        self._random_id = random_id
        self._current: TTLCache[tuple[str, str], SubjectKey] = TTLCache(max_keys, max_age_seconds, monotonic)

    async def current(self, tenant: str, subject: str) -> SubjectKey:
        """Return the current key, created if there is none. ``subject`` is the data subject's keyed hash.

        Raises:
            KeyUnavailable: of the tenant's data key.
            Refusal: STORE_UNAVAILABLE.
        """
        known = self._current.get((tenant, subject))
        if known is not None:
            return known
        data_key = await self._keyring.current(tenant)
        made = SubjectKey(self._random_id(), data_key.key_id, self._random_bytes(KEY_BYTES))
        wrapped = self._wrap(data_key, subject, made)
        row = await self._pool.fetchrow(_KEEP, tenant, subject, made.id, made.data_key, wrapped)
        if row is None:
            raise unavailable()
        key = made if row["id"] == made.id else await self._open(tenant, subject, row["id"], row)
        self._current[tenant, subject] = key
        return key

    async def by_id(self, tenant: str, key_id: UUID) -> SubjectKey:
        """Return the key of an existing ciphertext.

        Raises:
            KeyUnavailable: ``gone`` if it was erased, or never was the tenant's.
            Refusal: STORE_UNAVAILABLE.
        """
        async with self._pool.transaction(tenant=tenant) as connection:
            row = await connection.fetchrow(_FIND, tenant, key_id)
        if row is None or row["wrapped"] is None:
            raise KeyUnavailable(tenant, gone=True)
        return await self._open(tenant, row["subject"], key_id, row)

    def forget(self, tenant: str, subject: str) -> None:
        """Drop the cached key after its erasure."""
        self._current.pop((tenant, subject), None)

    def _wrap(self, data_key: DataKey, subject: str, key: SubjectKey) -> bytes:
        nonce = self._random_bytes(_NONCE_BYTES)
        return nonce + _cipher(data_key, key.id).encrypt(
            nonce, key.material, _associated(data_key.tenant, subject, key.id)
        )

    async def _open(self, tenant: str, subject: str, key_id: UUID, row: asyncpg.Record) -> SubjectKey:
        data_key = await self._keyring.by_id(tenant, row["data_key"])
        nonce, body = row["wrapped"][:_NONCE_BYTES], row["wrapped"][_NONCE_BYTES:]
        try:
            material = _cipher(data_key, key_id).decrypt(nonce, body, _associated(tenant, subject, key_id))
        except (InvalidTag, ValueError):  # another row's, or forged: it is not the data subject's key
            raise KeyUnavailable(tenant, gone=True) from None
        return SubjectKey(key_id, row["data_key"], material)


def _cipher(data_key: DataKey, key_id: UUID) -> AESGCM:
    return AESGCM(derive(data_key, PURPOSE, salt=key_id.bytes))


def _associated(tenant: str, subject: str, key_id: UUID) -> bytes:
    return f"{tenant}|{subject}|{key_id}".encode()
