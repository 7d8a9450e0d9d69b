"""Policies by content hash in PostgreSQL. What was read is kept: a hash never names another document."""

import hashlib

from adapters.pool_postgres import PostgresPool

_KEPT = 64


class PostgresPolicies:
    """``PolicyStore`` over the functions of the migrations."""

    def __init__(self, pool: PostgresPool) -> None:
        """Take the pool (role ``assay-api``, or ``assay-writer`` for ``get`` and ``current``)."""
        self._pool = pool
        self._documents: dict[str, bytes] = {}

    async def put(self, document: bytes) -> str:
        """See ``PolicyStore``. PostgreSQL computes the hash itself."""
        policy_hash = hashlib.sha256(document).hexdigest()
        if self._documents.get(policy_hash) != document:
            await self._pool.fetchrow("SELECT assay.put_policy($1)", document)
            self._keep(policy_hash, document)
        return policy_hash

    async def get(self, policy_hash: str) -> bytes | None:
        """See ``PolicyStore``."""
        if policy_hash in self._documents:
            return self._documents[policy_hash]
        row = await self._pool.fetchrow("SELECT assay.get_policy($1) AS document", policy_hash)
        document: bytes | None = row["document"] if row else None
        if document is None or hashlib.sha256(document).hexdigest() != policy_hash:
            return None  # what does not match its hash is as good as unknown
        self._keep(policy_hash, document)
        return document

    async def make_current(self, policy_hash: str) -> None:
        """See ``PolicyStore``."""
        await self._pool.fetchrow("SELECT assay.make_policy_current($1)", policy_hash)

    async def current(self) -> str | None:
        """See ``PolicyStore``. Read each time: it may change at any moment, and only starts that name none ask."""
        row = await self._pool.fetchrow("SELECT assay.current_policy() AS hash")
        return row["hash"] if row else None

    def _keep(self, policy_hash: str, document: bytes) -> None:
        if len(self._documents) >= _KEPT:
            self._documents.pop(next(iter(self._documents)))
        self._documents[policy_hash] = document
