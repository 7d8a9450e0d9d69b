"""The contract of proofs: each entry's holds against the newest checkpoint, and trees extend what they were."""

from uuid import uuid4

import pytest

from adapters.tokens.signatures import ed25519_holds
from domain.refusals import Kind, Refusal
from domain.transparency.checkpoints import open_proof, parse_proof, parse_vkey
from domain.transparency.merkle import verify_consistency
from tests.contracts.logs import Log


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
        checkpoint = open_proof(proof, digest, keys, ed25519_holds)
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
        assert open_proof(proof, entries[index][1], keys, ed25519_holds) == heads[-1]
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
