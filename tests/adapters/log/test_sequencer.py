"""Sequencing and signing: every record gets its place once; what does not extend the last checkpoint is not signed."""

import asyncio
import base64
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from adapters.log.proofs import PostgresLogProofs
from adapters.log.store import PostgresLogStore
from adapters.postgres.encryption.encrypter import RecordEncrypter
from adapters.postgres.encryption.subject_keys import PostgresSubjectKeys
from adapters.postgres.ledger import PostgresLedger
from adapters.postgres.pool import PostgresPool
from adapters.vault.identity import VaultIdentity
from adapters.vault.keyring import ServiceKeyRing
from adapters.vault.log_signer import VaultLogSigner
from adapters.vault.public_keys import VaultPublicKeys
from adapters.vault.session import ServiceSession
from domain.budgets.values import Appended
from domain.records.fields import OutcomeFields
from domain.records.records import EncryptedFields, EventKind, Record
from domain.refusals import Kind, Refusal
from domain.signing_keys import LOG_KEY
from domain.transparency.checkpoints import VerifierKey, open_checkpoint, parse_checkpoint, parse_note
from domain.transparency.merkle import Edge, leaf_hash, verify_consistency, verify_inclusion
from services.sequencing.condition import LogCondition
from services.sequencing.head_signer import HeadSigner
from tests.adapters.stack import Stack, SystemClock
from tests.doubles.events import new_event_id

NAME = "assay.local"  # one name for all tests: what is kept in Vault has it


@pytest.fixture
async def ledger(api_pool: PostgresPool, api_session: ServiceSession, stack: Stack) -> PostgresLedger:
    keyring = ServiceKeyRing(api_session, stack.vault, SystemClock())
    return PostgresLedger(
        api_pool, RecordEncrypter(keyring, VaultIdentity(api_session), PostgresSubjectKeys(api_pool, keyring))
    )


@pytest.fixture
def store(sequencer_pool: PostgresPool) -> PostgresLogStore:
    return PostgresLogStore(sequencer_pool)


@pytest.fixture
def signer(sequencer_session: ServiceSession) -> VaultLogSigner:
    return VaultLogSigner(sequencer_session, VaultPublicKeys(sequencer_session), log_name=NAME)


def a_record(tenant: str = "acme") -> Record:
    return Record(
        event_id=new_event_id(),
        tenant=tenant,
        kind=EventKind.COMPLETED,
        recorded_at=datetime.now(UTC),
        fields=OutcomeFields(model="m"),
        sealed=EncryptedFields(subject="someone"),
    )


async def drained(store: PostgresLogStore) -> None:
    while await store.sequence(1000):
        pass


async def leaves(stack: Stack, tenant: str) -> list[tuple[int, bytes]]:
    connection = await stack.superuser()
    rows = await connection.fetch("SELECT seq, digest FROM assay.leaf WHERE tenant = $1 ORDER BY seq", tenant)
    await connection.close()
    return [(row["seq"], row["digest"]) for row in rows]


async def checkpoints(stack: Stack, tenant: str) -> list[str]:
    connection = await stack.superuser()
    rows = await connection.fetch("SELECT note FROM assay.checkpoint WHERE tenant = $1 ORDER BY size", tenant)
    await connection.close()
    return [row["note"] for row in rows]


def holds(public_key: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


async def test_every_record_gets_one_place_whoever_sequences(
    stack: Stack, ledger: PostgresLedger, store: PostgresLogStore
) -> None:
    made = [a_record(tenant) for _ in range(150) for tenant in ("acme", "globex", "system")]
    ended = asyncio.Event()

    async def sequencing() -> None:
        while not ended.is_set():
            await store.sequence(17)

    async with asyncio.TaskGroup() as group:  # nothing sequences on when an append fails
        for _ in range(2):
            group.create_task(sequencing())
        stored = list[Appended]()
        for at in range(0, len(made), 30):  # more at once wait for connections longer than the pool lets them
            stored += await asyncio.gather(*(ledger.append(record) for record in made[at : at + 30]))
        ended.set()
    await drained(store)
    digests = {one.digest for one in stored}
    placed: list[bytes] = []
    heads = {head.tenant: head.edge for head in await store.heads()}
    for tenant in ("acme", "globex", "system"):
        found = await leaves(stack, tenant)
        assert [seq for seq, _ in found] == list(range(len(found)))
        placed += [digest for _, digest in found if digest in digests]
        tree = Edge(0, ()).append(leaf_hash(digest) for _, digest in found)
        assert heads[tenant] == tree
        for size in (1, len(found) // 2, len(found)):
            part = Edge(0, ()).append(leaf_hash(digest) for _, digest in found[:size])
            assert await store.root_at(tenant, size) == part.root()
    assert sorted(placed) == sorted(digests)  # each once


async def test_heads_are_signed_kept_and_published(
    stack: Stack,
    ledger: PostgresLedger,
    store: PostgresLogStore,
    signer: VaultLogSigner,
    sequencer_session: ServiceSession,
) -> None:
    await ledger.append(a_record())
    await drained(store)
    condition = LogCondition()
    heads = HeadSigner(store, signer, condition, checkpoint_seconds=0)
    await heads.sign()
    assert "acme" not in condition.refused
    note = (await checkpoints(stack, "acme"))[-1]
    x = (await VaultPublicKeys(sequencer_session).signing_key(LOG_KEY)).jwk["x"]
    public = base64.urlsafe_b64decode(x + "=" * (-len(x) % 4))
    checkpoint = open_checkpoint(note, [VerifierKey(f"{NAME}/acme", public)], holds)
    found = await leaves(stack, "acme")
    assert checkpoint.size == len(found)
    assert checkpoint.root == Edge(0, ()).append(leaf_hash(digest) for _, digest in found).root()
    kept = await signer.kept("acme", fresh=True)
    assert kept is not None
    assert kept.note == note
    assert await heads.sign() is None


async def test_proofs_hold_against_the_newest_checkpoint(
    stack: Stack, ledger: PostgresLedger, store: PostgresLogStore, signer: VaultLogSigner, api_pool: PostgresPool
) -> None:
    proofs = PostgresLogProofs(api_pool)
    condition = LogCondition()
    sealing = HeadSigner(store, signer, condition, checkpoint_seconds=0)
    first = await ledger.append(a_record("globex"))
    await drained(store)
    await sealing.sign()
    old = parse_checkpoint(parse_note(str(await proofs.checkpoint("globex"))).text)
    for _ in range(300):
        last = await ledger.append(a_record("globex"))
    assert await proofs.sealed("globex", last.event_id) is None
    await drained(store)
    assert await proofs.sealed("globex", last.event_id) is None  # it has its place, and no signed head covers it
    await sealing.sign()
    new = parse_checkpoint(parse_note(str(await proofs.checkpoint("globex"))).text)
    for appended in (first, last):
        proof = await proofs.sealed("globex", appended.event_id)
        assert proof is not None
        assert verify_inclusion(appended.digest, proof.index, new.size, proof.path, new.root)
        assert await proofs.sealed("acme", appended.event_id) is None
    path = await proofs.consistency("globex", old.size, new.size)
    assert verify_consistency(old.size, new.size, old.root, new.root, path)
    for wrong in ((old.size, new.size + 1), (-1, new.size), (new.size, old.size)):
        with pytest.raises(Refusal) as refusal:
            await proofs.consistency("globex", *wrong)
        assert refusal.value.kind is Kind.INVALID_REQUEST


async def test_a_tenant_is_not_signed_more_often_than_wanted(
    ledger: PostgresLedger, store: PostgresLogStore, signer: VaultLogSigner
) -> None:
    now = [100.0]
    before = 0
    condition = LogCondition()
    heads = HeadSigner(store, signer, condition, checkpoint_seconds=10, monotonic=lambda: now[0])
    for later, signed in ((0, 1), (4, 1), (10, 2)):
        now[0] = 100.0 + later
        await ledger.append(a_record("globex"))
        await drained(store)
        wait = await heads.sign()
        assert condition.checkpoints >= signed
        if later == 4:
            assert wait == 6
            assert condition.checkpoints == before
        before = condition.checkpoints


async def test_what_was_kept_and_not_published_is_published(
    stack: Stack, ledger: PostgresLedger, store: PostgresLogStore, signer: VaultLogSigner
) -> None:
    await ledger.append(a_record())
    await drained(store)
    [head] = [head for head in await store.unsigned() if head.tenant == "acme"]
    before = await signer.kept("acme", fresh=True)
    [note] = await signer.sign([signer.checkpoint("acme", head.edge.size, head.edge.root())])
    assert await signer.keep("acme", note, after=before)
    assert note not in await checkpoints(stack, "acme")
    condition = LogCondition()
    await HeadSigner(store, signer, condition, checkpoint_seconds=0).sign()
    assert (await checkpoints(stack, "acme"))[-1] == note


async def test_of_two_that_sign_one_comes_later(
    stack: Stack, ledger: PostgresLedger, store: PostgresLogStore, sequencer_session: ServiceSession
) -> None:
    def another() -> HeadSigner:
        signer = VaultLogSigner(sequencer_session, VaultPublicKeys(sequencer_session), log_name=NAME)
        return HeadSigner(store, signer, LogCondition(), checkpoint_seconds=0)

    several = [another() for _ in range(3)]
    for _ in range(5):
        await ledger.append(a_record())
        await drained(store)
        await asyncio.gather(*(heads.sign() for heads in several))
    await several[0].sign()
    found = await leaves(stack, "acme")
    for note in await checkpoints(stack, "acme"):
        _, size, root, *_ = note.split("\n")
        part = Edge(0, ()).append(leaf_hash(digest) for _, digest in found[: int(size)])
        assert base64.b64decode(root) == part.root()


async def test_a_store_that_was_rolled_back_is_not_signed(
    stack: Stack, ledger: PostgresLedger, store: PostgresLogStore, signer: VaultLogSigner
) -> None:
    await ledger.append(a_record("system"))
    await drained(store)
    heads = HeadSigner(store, signer, LogCondition(), checkpoint_seconds=0)
    await heads.sign()
    [real] = [head for head in await store.heads() if head.tenant == "system"]
    found = await leaves(stack, "system")
    smaller = Edge(0, ()).append(leaf_hash(digest) for _, digest in found[:-1])
    assert not await heads.extends(replace(real, edge=smaller))
    assert "rolled back" in heads._condition.refused["system"]
    other = smaller.append([leaf_hash(b"another")])
    assert not await heads.extends(replace(real, edge=other))
    assert await heads.extends(real)
    assert "system" not in heads._condition.refused


async def test_without_the_key_store_nothing_is_signed_and_all_is_sequenced(
    ledger: PostgresLedger, store: PostgresLogStore, stack: Stack
) -> None:
    nowhere = stack.vault.model_copy(update={"address": "http://127.0.0.1:1"})
    session = ServiceSession(nowhere, await stack.approle("sequencer"))
    signer = VaultLogSigner(session, VaultPublicKeys(session), log_name=NAME)
    await ledger.append(a_record())
    await drained(store)
    with pytest.raises(Refusal) as refusal:
        await HeadSigner(store, signer, LogCondition(), checkpoint_seconds=0).sign()
    assert refusal.value.kind is Kind.VAULT_UNAVAILABLE
    await session.close()
