"""A month of the past, recorded and in the tree as a sequencer would put it there, and an archiver over it."""

import base64
import hashlib
import itertools
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from adapters.archive.opening import ArchiveParts
from adapters.log.store import PostgresLogStore
from adapters.postgres.encryption.encrypter import RecordEncrypter
from adapters.postgres.encryption.subject_keys import PostgresSubjectKeys
from adapters.postgres.ledger import PostgresLedger
from adapters.postgres.pool import PostgresPool
from adapters.vault.calls import read
from adapters.vault.identity import VaultIdentity
from adapters.vault.keyring import ServiceKeyRing
from adapters.vault.log_signer import VaultLogSigner
from adapters.vault.public_keys import VaultPublicKeys
from adapters.vault.session import ServiceSession
from config.settings import Settings
from domain.identity import event_id
from domain.records.fields import OutcomeFields
from domain.records.records import EncryptedFields, EventKind, Record
from domain.transparency.checkpoints import VerifierKey
from services.archiving.months import LogMonthArchiver
from services.sequencing.condition import LogCondition
from services.sequencing.head_signer import HeadSigner
from tests.adapters.stack import Stack, SystemClock, eventually

LOG = "assay.local"
_LOGS = ("acme", "globex", "system")
"""Tenants that most of these tests record for. Others' logs, which tests damage, are never signed again."""
_ALL_SEALED = (
    "SELECT NOT EXISTS (SELECT FROM assay.pending p WHERE p.tenant = ANY ($1))"
    " AND NOT EXISTS (SELECT FROM assay.log_head h WHERE h.tenant = ANY ($1) AND h.size >"
    " coalesce((SELECT max(c.size) FROM assay.checkpoint c WHERE c.tenant = h.tenant), 0))"
)
_MONTHS = itertools.count(1)


def unused_month() -> date:
    """A month that no other test has: all lie in the years before this software."""
    number = next(_MONTHS)
    return date(2001 + number // 12, number % 12 + 1, 1)


def event_of(month: date, number: int = 0) -> UUID:
    """An event of that month."""
    at = datetime(month.year, month.month, 3, tzinfo=UTC) + timedelta(seconds=number)
    return event_id(int(at.timestamp() * 1000), "acme", "an old workflow", secrets.token_hex(8), "outcome")


def old_record(month: date, tenant: str = "acme", number: int = 0, **changes: Any) -> Record:
    at = datetime(month.year, month.month, 3, tzinfo=UTC) + timedelta(seconds=number)
    plain = Record(
        event_of(month, number),
        tenant,
        EventKind.COMPLETED,
        at,
        OutcomeFields(model="m", score=0.1),
        EncryptedFields(subject="someone", prompt="an old prompt"),
        workflow_id=f"inf.{tenant}.{secrets.token_hex(8)}",
    )
    return replace(plain, **changes)


@dataclass
class Past:
    """Actions of tests on months that have ended."""

    stack: Stack
    ledger: PostgresLedger
    owner: asyncpg.Connection
    settings: Settings
    trees: PostgresLogStore | None = None  # None where a process of its own sequences
    heads: HeadSigner | None = None

    async def record(self, month: date, tenants: tuple[str, ...] = ("acme",), each: int = 3) -> list[Record]:
        """Record events of the month, and put them in the tree."""
        await self.owner.execute("SELECT assay.make_month($1)", month)
        made = [old_record(month, tenant, number) for number in range(each) for tenant in tenants]
        for record in made:
            await self.ledger.append(record)
        await self.sequence(*tenants)
        return made

    async def grow(self) -> None:
        """Put what is pending into the tree."""
        if self.trees is not None:
            await self.trees.sequence(10_000)

    async def sequence(self, *tenants: str) -> None:
        """Wait until all records of these tests are in trees, each with a signed checkpoint."""

        async def done() -> bool:
            await self.grow()
            if self.heads is not None:
                await self.heads.sign()
            return bool(await self.owner.fetchval(_ALL_SEALED, [*_LOGS, *tenants]))

        await eventually(done)

    async def archiver(self, exits: AsyncExitStack, **audit: Any) -> LogMonthArchiver:
        """An archiver by its own AppRole."""
        session = await self.stack.session("archiver")
        exits.push_async_callback(session.close)
        settings = self.settings.model_copy(update={"audit": self.settings.audit.model_copy(update=audit)})
        parts = await ArchiveParts.open(exits, settings, session)
        return LogMonthArchiver(parts, SystemClock(), settings.audit.retention_months)

    @property
    def place(self) -> Path:
        return Path(self.settings.audit.archive_place)

    def files(self, month: date, tenant: str = "acme") -> tuple[Path, Path]:
        """A tenant's file and its manifest."""
        name = f"{month:%Y-%m}"
        return self.place / tenant / f"{name}.jsonl.zst", self.place / tenant / f"{name}.manifest.jwt"

    async def in_log(self, month: date, tenant: str = "acme") -> int:
        """Return the number of the month's records that a reader sees."""
        return await self.owner.fetchval(
            "SELECT count(*) FROM assay.record r, assay.month_bounds($1) b"
            " WHERE r.tenant = $2 AND r.event_id >= b.first AND r.event_id < b.beyond",
            *(month, tenant),
        )

    async def table(self, month: date) -> str | None:
        return await self.owner.fetchval("SELECT assay.month_table($1)::text", month)

    async def subject(self, month: date, tenant: str) -> str:
        """The keyed hash of a person who has records in that month."""
        table = f"assay.record_{month:%Y_%m}"
        return await self.owner.fetchval(f"SELECT subject FROM {table} WHERE tenant = $1 LIMIT 1", tenant)  # noqa: S608

    @asynccontextmanager
    async def hold(self, tenant: str, subject: str | None) -> AsyncIterator[Callable[[], Awaitable[None]]]:
        """A legal hold; what this gives releases all of them."""
        await self.place_hold(tenant, subject)

        async def release() -> None:
            await self.owner.execute(
                "UPDATE assay.hold SET first_release_by = 'one', first_release_at = now()"
                " WHERE first_release_at IS NULL;"
                "UPDATE assay.hold SET released_by = first_release_by || ' other', released_at = now()"
                " WHERE released_at IS NULL"
            )

        try:
            yield release
        finally:
            await release()

    async def place_hold(self, tenant: str, subject: str | None = None) -> None:
        await self.owner.execute(
            "INSERT INTO assay.hold (id, tenant, subject, placed_by) VALUES (gen_random_uuid(), $1, $2, 'one')",
            *(tenant, subject),
        )

    @asynccontextmanager
    async def unguarded(self, table: str) -> AsyncIterator[None]:
        """As only the owner can: without what keeps a table append-only."""
        await self.owner.execute(f"ALTER TABLE assay.{table} DISABLE TRIGGER append_only")
        try:
            yield
        finally:
            await self.owner.execute(f"ALTER TABLE assay.{table} ENABLE ALWAYS TRIGGER append_only")

    def sha256(self, file: Path) -> str:
        return hashlib.sha256(file.read_bytes()).hexdigest()


async def public_log_keys(stack: Stack, tenant: str = "acme") -> list[VerifierKey]:
    found = await stack.as_root(lambda client: read(client, "transit/keys/log-signing"))
    return [VerifierKey(f"{LOG}/{tenant}", base64.b64decode(one["public_key"])) for one in found["keys"].values()]


def ed25519(public_key: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


@pytest.fixture
async def past(
    stack: Stack, api_session: ServiceSession, api_pool: PostgresPool, tmp_path: Path
) -> AsyncIterator[Past]:
    keyring = ServiceKeyRing(api_session, stack.vault, SystemClock())
    encrypter = RecordEncrypter(keyring, VaultIdentity(api_session), PostgresSubjectKeys(api_pool, keyring))
    audit = stack.settings.audit.model_copy(update={"archive_place": str(tmp_path / "archive"), "log_name": LOG})
    owner = await stack.superuser()
    await owner.execute("SET ROLE assay_owner")
    session = await stack.session("sequencer")
    pool = PostgresPool(session, stack.database, "assay-sequencer")
    await pool.start()
    trees = PostgresLogStore(pool)
    signer = VaultLogSigner(session, VaultPublicKeys(session), log_name=LOG)
    heads = HeadSigner(trees, signer, LogCondition(), checkpoint_seconds=0)
    settings = stack.settings.model_copy(update={"audit": audit})
    yield Past(stack, PostgresLedger(api_pool, encrypter), owner, settings, trees, heads)
    await pool.close()
    await session.close()
    await owner.close()
