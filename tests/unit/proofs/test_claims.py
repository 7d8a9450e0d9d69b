"""The text of a proof: bound to namespace, workflow, run and Assay's own key."""

import pytest

from activities.proofs.claims import Claims, InvalidProof, ProofPlace, read, write
from assay_temporal.keyring import KeyUnavailable
from tests.doubles.keys import FixedKeyRing

PLACE = ProofPlace("assay", "inf.acme." + "a" * 32, "run-1")
CLAIMS = Claims("run-1", {"run": "x" * 32, "admitted": "", "reserved": "100"}, ("fake", "a & b=c"))


@pytest.fixture
def ring() -> FixedKeyRing:
    return FixedKeyRing("acme", "system")


async def proof(ring: FixedKeyRing, tenant: str = "system", claims: Claims = CLAIMS, place: ProofPlace = PLACE) -> str:
    return write(claims, place, await ring.current(tenant))


async def test_a_proof_reads_as_it_was_written(ring: FixedKeyRing):
    text = await proof(ring)
    assert await read(text, "assay", PLACE.workflow_id, ring) == CLAIMS
    ring.rotate("system")
    assert await read(text, "assay", PLACE.workflow_id, ring) == CLAIMS


@pytest.mark.parametrize("place", [("other", PLACE.workflow_id), ("assay", "inf.acme." + "b" * 32), ("assay", "")])
async def test_a_proof_is_of_one_workflow_of_one_namespace(ring: FixedKeyRing, place: tuple[str, str]):
    with pytest.raises(InvalidProof):
        await read(await proof(ring), *place, ring)


async def test_no_character_of_a_proof_can_be_changed(ring: FixedKeyRing):
    text = await proof(ring)
    for at, character in enumerate(text):
        changed = text[:at] + ("B" if character == "A" else "A") + text[at + 1 :]
        try:
            found = await read(changed, "assay", PLACE.workflow_id, ring)
        except InvalidProof:
            continue
        assert at == len(text) - 1  # the last one of base64 has bits that mean nothing
        assert found == CLAIMS


async def test_no_fact_can_be_added_and_no_part_moved(ring: FixedKeyRing):
    claims, _, tag = (await proof(ring)).rpartition(".")
    other = (await proof(ring, claims=Claims("run-2", CLAIMS.facts))).rpartition(".")
    for forged in (f"{claims}&f.reply=x.{tag}", f"{other[0]}.{tag}", f"{claims}.{other[2]}", f"{claims}..{tag}"):
        with pytest.raises(InvalidProof):
            await read(forged, "assay", PLACE.workflow_id, ring)


async def test_a_teams_key_makes_no_proof(ring: FixedKeyRing):
    """The wrong variant: with keys by the tenant that a proof names, a team could make one."""
    forged = await proof(ring, "acme")
    with pytest.raises(InvalidProof):
        await read(forged, "assay", PLACE.workflow_id, ring)
    own_keys = FixedKeyRing("system")
    own_keys._keys["system"] = ring._keys["acme"]
    assert await read(forged, "assay", PLACE.workflow_id, own_keys) == CLAIMS


@pytest.mark.parametrize(
    "text", [None, 7, "", ".", "a.b", "key=a&run=b.c", "=&=&.x", "a" * 9000, "\ud800.\ud800", "key=é.ü", "a=b;c.d"]
)
async def test_anything_else_is_no_proof(ring: FixedKeyRing, text: object):
    with pytest.raises(InvalidProof):
        await read(text, "assay", PLACE.workflow_id, ring)


async def test_without_keys_a_proof_is_neither_right_nor_wrong(ring: FixedKeyRing):
    text = await proof(ring)
    ring.away = True
    with pytest.raises(KeyUnavailable):
        await read(text, "assay", PLACE.workflow_id, ring)
