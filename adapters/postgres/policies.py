"""Policies by content hash in PostgreSQL. Documents are cached: a hash never names another one."""

import hashlib

import asyncpg

from adapters.postgres.encryption.encrypter import without_encrypted_part
from adapters.postgres.errors import unavailable
from adapters.postgres.ledger import RECORD
from adapters.postgres.pool import PostgresPool
from domain.access.principals import SYSTEM_TENANT
from domain.policy.ports import StoredPolicy
from domain.ports import Clock, IdentityKeys
from domain.records.encrypted_rows import row_of
from domain.records.policy_changes import PolicyTurn, policy_changed
from domain.records.records import Record
from domain.refusals import Kind, Refusal

_KEPT = 64
_CHANGE = f"SELECT assay.change_policy($15, $16, {RECORD}) AS current"
_LOOKS = 5  # maximum attempts; more would need as many concurrent changes


class PostgresPolicies:
    """``PolicyStore`` over the functions of the migrations."""

    def __init__(self, pool: PostgresPool) -> None:
        """Take the pool: role ``assay-api``, ``assay-writer`` or ``assay-operator``."""
        self._pool = pool
        self._documents: dict[str, bytes] = {}

    async def get(self, policy_hash: str) -> bytes | None:
        """See ``PolicyStore``."""
        if policy_hash in self._documents:
            return self._documents[policy_hash]
        row = await self._pool.fetchrow("SELECT assay.get_policy($1) AS document", policy_hash)
        document: bytes | None = row["document"] if row else None
        if document is None or hashlib.sha256(document).hexdigest() != policy_hash:
            return None  # content that does not match its hash counts as unknown
        self._keep(policy_hash, document)
        return document

    async def current(self) -> str | None:
        """See ``PolicyStore``. Read each time: it may change at any time."""
        row = await self._pool.fetchrow("SELECT assay.current_policy() AS hash")
        return row["hash"] if row else None

    def _keep(self, policy_hash: str, document: bytes) -> None:
        if len(self._documents) >= _KEPT:
            self._documents.pop(next(iter(self._documents)))
        self._documents[policy_hash] = document


class PostgresPolicyChanges(PostgresPolicies):
    """``PolicyChanges`` over the functions of the migrations."""

    def __init__(self, pool: PostgresPool, identity: IdentityKeys, clock: Clock) -> None:
        """Take the pool (role ``assay-operator``) and the parts of a change's record."""
        super().__init__(pool)
        self._identity = identity
        self._clock = clock

    async def put(self, document: bytes) -> str:
        """See ``PolicyChanges``. PostgreSQL computes the hash itself."""
        policy_hash = hashlib.sha256(document).hexdigest()
        if self._documents.get(policy_hash) != document:
            await self._pool.fetchrow("SELECT assay.put_policy($1)", document)
            self._keep(policy_hash, document)
        return policy_hash

    async def make_current(self, policy_hash: str) -> str | None:
        """See ``PolicyChanges``. The change and its record are one transaction."""
        for _ in range(_LOOKS):
            before, login = await self._turn()
            if before.hash == policy_hash:
                return policy_hash
            if await self._change(before, policy_hash, policy_changed(before, policy_hash, login, self._clock.now())):
                return before.hash
        raise unavailable("another process is changing the policy")

    async def stored(self) -> tuple[StoredPolicy, ...]:
        """See ``PolicyChanges``."""
        return tuple(
            StoredPolicy(**dict(row)) for row in await self._pool.fetch("SELECT * FROM assay.stored_policies()")
        )

    async def _turn(self) -> tuple[PolicyTurn, str]:
        """Return the newest turn and this pool's login, which PostgreSQL compares with the record's."""
        row = await self._pool.fetchrow("SELECT number, hash, session_user::text AS login FROM assay.policy_turn()")
        if row is None:
            raise unavailable()
        return PolicyTurn(row["number"], row["hash"]), row["login"]

    async def _change(self, before: PolicyTurn, policy_hash: str, record: Record) -> bool:
        sealed = without_encrypted_part(record, await self._identity.tenant_key(SYSTEM_TENANT))
        try:
            row = await self._pool.fetchrow(_CHANGE, *row_of(sealed).columns(), policy_hash, before.number)
        except asyncpg.PostgresError as error:
            raise Refusal(Kind.INTERNAL, "the log rejected the record of a policy change") from error
        return row is not None and bool(row["current"])
