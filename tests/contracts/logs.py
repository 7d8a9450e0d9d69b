"""A log of a tenant's own, in memory or in PostgreSQL, that the test's key signs."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import pytest

from adapters.log.proofs import PostgresLogProofs
from adapters.postgres.encryption.encrypter import RecordEncrypter
from adapters.postgres.encryption.subject_keys import PostgresSubjectKeys
from adapters.postgres.ledger import PostgresLedger
from adapters.tokens.signatures import ed25519_holds
from adapters.vault.identity import VaultIdentity
from adapters.vault.keyring import ServiceKeyRing
from adapters.vault.setup.setup import create_tenant
from domain.budgets.ports import Ledger
from domain.records.fields import OutcomeFields
from domain.records.records import EncryptedFields, EventKind, Record
from domain.transparency.checkpoints import Checkpoint, open_checkpoint, parse_vkey
from domain.transparency.ports import LogProofs
from tests.adapters.stack import Stack, SystemClock
from tests.doubles.events import new_event_id
from tests.doubles.ledger import MemoryLedger
from tests.doubles.log import store as log
from tests.doubles.log.store import LogKey, MemoryProofs


@dataclass
class Log:
    """Return a new tenant's log."""

    tenant: str
    ledger: Ledger
    proofs: LogProofs
    key: LogKey
    sequence: Callable[[], Awaitable[None]]
    seal: Callable[[], Awaitable[None]]

    async def grow(self, count: int) -> list[tuple[UUID, bytes]]:
        """Record events and move them into the tree."""
        made = [
            Record(
                event_id=new_event_id(),
                tenant=self.tenant,
                kind=EventKind.REFUSED,
                recorded_at=datetime.now(UTC),
                fields=OutcomeFields(),
                sealed=EncryptedFields(),
            )
            for _ in range(count)
        ]
        stored = [await self.ledger.append(record) for record in made]
        await self.sequence()
        return [(one.event_id, one.digest) for one in stored]

    async def head(self) -> Checkpoint:
        note = await self.proofs.checkpoint(self.tenant)
        assert note is not None
        return open_checkpoint(note, [parse_vkey(self.key.vkey(self.tenant))], ed25519_holds)


@pytest.fixture(params=["memory", "postgres"])
def a_log(request: pytest.FixtureRequest) -> Log:
    tenant, key = f"t-{secrets.token_hex(8)}", LogKey()
    if request.param == "memory":
        ledger = MemoryLedger(SystemClock())
        proofs = MemoryProofs(ledger, key)

        async def grow() -> None:
            proofs.sequence()

        async def seal() -> None:
            proofs.seal(tenant)

        return Log(tenant, ledger, proofs, key, grow, seal)
    stack: Stack = request.getfixturevalue("stack")
    session, pool = request.getfixturevalue("api_session"), request.getfixturevalue("api_pool")
    client = stack.root()
    create_tenant(client, tenant)
    client.adapter.close()
    keyring = ServiceKeyRing(session, stack.vault, SystemClock())
    encrypter = RecordEncrypter(keyring, VaultIdentity(session), PostgresSubjectKeys(pool, keyring))

    async def grow_stored() -> None:
        connection = await stack.superuser()
        await log.sequence(connection)
        await connection.close()

    async def seal_stored() -> None:
        connection = await stack.superuser()
        await log.sign(connection, key, tenant)
        await connection.close()

    return Log(tenant, PostgresLedger(pool, encrypter), PostgresLogProofs(pool), key, grow_stored, seal_stored)
