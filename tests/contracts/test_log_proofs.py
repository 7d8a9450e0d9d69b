"""The contract of proofs: each entry's holds against the newest checkpoint, and trees extend what they were."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from adapters.identity_vault import VaultIdentity
from adapters.keyring_vault import VaultKeyRing
from adapters.ledger_postgres import PostgresLedger
from adapters.log_proofs_postgres import PostgresLogProofs
from adapters.record_sealer import RecordSealer
from adapters.subject_keys_postgres import PostgresSubjectKeys
from adapters.vault_setup import create_tenant
from domain.checkpoints import Checkpoint, open_checkpoint, open_proof, parse_proof, parse_vkey
from domain.log_ports import LogProofs
from domain.merkle import verify_consistency
from domain.ports import Ledger
from domain.records import EventKind, OpenFields, Record, SealedFields
from domain.refusals import Kind, Refusal
from tests.adapters.stack import Stack, SystemClock
from tests.doubles import log
from tests.doubles.events import new_event_id
from tests.doubles.ledger import MemoryLedger
from tests.doubles.log import LogKey, MemoryProofs


def holds(public_key: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


@dataclass
class Log:
    """A log of a tenant that nobody was before."""

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
                fields=OpenFields(),
                sealed=SealedFields(),
            )
            for _ in range(count)
        ]
        stored = [await self.ledger.append(record) for record in made]
        await self.sequence()
        return [(one.event_id, one.digest) for one in stored]

    async def head(self) -> Checkpoint:
        note = await self.proofs.checkpoint(self.tenant)
        assert note is not None
        return open_checkpoint(note, [parse_vkey(self.key.vkey(self.tenant))], holds)


@pytest.fixture(params=["memory", "postgres"])
async def a_log(request: pytest.FixtureRequest) -> Log:
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
    await stack.as_root(lambda client: create_tenant(client, tenant))
    keyring = VaultKeyRing(session, stack.vault, SystemClock())
    sealer = RecordSealer(keyring, VaultIdentity(session), PostgresSubjectKeys(pool, keyring))

    async def grow_stored() -> None:
        connection = await stack.superuser()
        await log.sequence(connection)
        await connection.close()

    async def seal_stored() -> None:
        connection = await stack.superuser()
        await log.sign(connection, key, tenant)
        await connection.close()

    return Log(tenant, PostgresLedger(pool, sealer), PostgresLogProofs(pool), key, grow_stored, seal_stored)


async def test_an_empty_log_proves_nothing(a_log: Log) -> None:
    assert await a_log.proofs.checkpoint(a_log.tenant) is None
    assert await a_log.proofs.sealed(a_log.tenant, uuid4()) is None
    assert await a_log.proofs.consistency(a_log.tenant, 0, 0) == []


async def test_each_entry_is_proven_once_a_checkpoint_covers_it(a_log: Log) -> None:
    first = await a_log.grow(3)
    assert await a_log.proofs.sealed(a_log.tenant, first[0][0]) is None
    await a_log.seal()
    later = await a_log.grow(2)
    assert (await a_log.head()).size == 3
    assert await a_log.proofs.sealed(a_log.tenant, later[0][0]) is None
    await a_log.seal()
    keys = [parse_vkey(a_log.key.vkey(a_log.tenant))]
    for index, (event_id, digest) in enumerate([*first, *later]):
        proof = await a_log.proofs.sealed(a_log.tenant, event_id)
        assert proof is not None
        assert (proof.index, parse_proof(proof.text())) == (index, proof)
        checkpoint = open_proof(proof, digest, keys, holds)
        assert (checkpoint.origin, checkpoint.size) == (f"assay.local/{a_log.tenant}", 5)


async def test_a_tree_of_many_tiles_proves_its_entries_and_that_it_grew(a_log: Log) -> None:
    heads, entries = [], []
    for count in (255, 1, 3, 300):
        entries += await a_log.grow(count)
        await a_log.seal()
        heads.append(await a_log.head())
    keys = [parse_vkey(a_log.key.vkey(a_log.tenant))]
    for index in (0, 254, 255, 256, 511, 512, 558):
        proof = await a_log.proofs.sealed(a_log.tenant, entries[index][0])
        assert proof is not None
        assert open_proof(proof, entries[index][1], keys, holds) == heads[-1]
    for old in heads:
        for new in heads[heads.index(old) :]:
            path = await a_log.proofs.consistency(a_log.tenant, old.size, new.size)
            assert verify_consistency(old.size, new.size, old.root, new.root, path)


async def test_another_tenants_events_are_unknown(a_log: Log) -> None:
    [(event_id, _)] = await a_log.grow(1)
    await a_log.seal()
    assert await a_log.proofs.sealed("globex", event_id) is None
    assert await a_log.proofs.sealed(a_log.tenant, event_id) is not None


async def test_sizes_that_no_checkpoint_covers_are_refused(a_log: Log) -> None:
    await a_log.grow(2)
    await a_log.seal()
    await a_log.grow(1)
    for old, new, field in ((2, 1, "from"), (-1, 1, "from"), (0, 3, "to")):
        with pytest.raises(Refusal) as refused:
            await a_log.proofs.consistency(a_log.tenant, old, new)
        assert (refused.value.kind, refused.value.field) == (Kind.INVALID_REQUEST, field)
