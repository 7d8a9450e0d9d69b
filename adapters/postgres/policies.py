"""Policies by content hash in PostgreSQL. What was read is kept: a hash never names another document."""

import hashlib

import asyncpg

from adapters.postgres.errors import unavailable
from adapters.postgres.ledger import RECORD
from adapters.postgres.pool import PostgresPool
from adapters.postgres.sealing.sealer import RecordSealer
from domain.ports import Clock
from domain.records.policy_changes import PolicyTurn, policy_changed
from domain.records.sealed_rows import row_of
from domain.refusals import Kind, Refusal

_KEPT = 64
_CHANGE = f"SELECT assay.change_policy($15, $16, {RECORD}) AS current"
_LOOKS = 5  # as many others would have to change it at the same moment


class PostgresPolicies:
    """``PolicyStore`` over the functions of the migrations."""

    def __init__(self, pool: PostgresPool, sealer: RecordSealer, clock: Clock, by: str) -> None:
        """Take the pool (role ``assay-api``, or ``assay-writer`` for ``get`` and ``current``), and what changes are
        recorded with; ``by`` names this process in their records.
        """
        self._pool = pool
        self._sealer = sealer
        self._clock = clock
        self._by = by
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
        """See ``PolicyStore``. The change and its record are one transaction."""
        for _ in range(_LOOKS):
            before = await self._turn()
            if before.hash == policy_hash:
                return
            sealed = await self._sealer.seal(policy_changed(before, policy_hash, self._by, self._clock.now()))
            try:
                row = await self._pool.fetchrow(_CHANGE, *row_of(sealed).columns(), policy_hash, before.number)
            except asyncpg.PostgresError as error:
                raise Refusal(Kind.INTERNAL, "the log rejected the record of a policy change") from error
            if row is not None and row["current"]:
                return
        raise unavailable("another process is changing the policy")

    async def current(self) -> str | None:
        """See ``PolicyStore``. Read each time: it may change at any moment, and only starts that name none ask."""
        row = await self._pool.fetchrow("SELECT assay.current_policy() AS hash")
        return row["hash"] if row else None

    async def _turn(self) -> PolicyTurn:
        row = await self._pool.fetchrow("SELECT number, hash FROM assay.policy_turn()")
        return PolicyTurn(0, None) if row is None else PolicyTurn(row["number"], row["hash"])

    def _keep(self, policy_hash: str, document: bytes) -> None:
        if len(self._documents) >= _KEPT:
            self._documents.pop(next(iter(self._documents)))
        self._documents[policy_hash] = document
