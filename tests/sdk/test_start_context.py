import base64
import json
from dataclasses import replace

import pytest

from assay_temporal.keyring import KeyUnavailable
from assay_temporal.start_context import ExpiredContext, InvalidContext, StartContext, sign, verify
from tests.doubles.keys import FixedKeyRing

CONTEXT = StartContext(
    tenant="acme",
    subject="alice",
    client_id="web",
    roles=("ai_operator",),
    workflow_id="inf.acme." + "a" * 32,
    request_hash="d" * 64,
    policy="e" * 64,
    expires_at=1000,
)

SIGNED_BEFORE_ISSUERS = (
    "eyJ0ZW5hbnQiOiJhY21lIiwic3ViamVjdCI6ImFsaWNlIiwiY2xpZW50X2lkIjoid2ViIiwicm9sZXMiOlsiYWlfb3BlcmF0b3Ii"
    "XSwid29ya2Zsb3dfaWQiOiJpbmYuYWNtZS5hYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYSIsInJlcXVlc3RfaGFzaCI6"
    "ImRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGRkZGQiLCJwb2xpY3ki"
    "OiJlZWVlZWVlZWVlZWVlZWVlZWVlZWVlZWVlZWVlZWVlZWVlZWVlZWVlZWVlZWVlZWVlZWVlZWVlZWVlZWVlZWVlIiwiZXhwaXJl"
    "c19hdCI6MTAwMCwia2V5IjoiODJlYzkxYmU5MzA0ODA3NTFiYWQ5YmFmOWZkOTg2NzAiLCJjb3VudGVya2V5IjoiMmM2MmZmYWUy"
    "NDk5YWU5OGJmOGIwMDBlZDU4YjcwMTcifQ.9u2d_OHNirndZWeY9vl3naAgkkwsSIVDmPNDbhTsly8.Kmq_oIjarsp060sJUIsGL"
    "JigpweN1WnrlLMPkqP78qk"
)
"""``CONTEXT`` as it was signed and countersigned before contexts named an issuer and a method."""


@pytest.fixture
def ring() -> FixedKeyRing:
    return FixedKeyRing("acme", "globex", "system")


async def check(ring, token, **changes):
    given = {"workflow_id": CONTEXT.workflow_id, "request_hash": CONTEXT.request_hash, "started_at": 999.0}
    return await verify(token, ring, **{**given, **changes})


async def test_a_context_comes_back_as_it_was_signed(ring):
    assert await check(ring, await sign(CONTEXT, ring)) == CONTEXT


async def test_a_context_from_before_issuers_means_assays_own(ring):
    old = await check(ring, SIGNED_BEFORE_ISSUERS, countersigner="system")
    assert old == CONTEXT
    assert (old.issuer, old.method, old.countersigned) == (None, None, True)


async def test_a_context_of_assays_own_issuer_is_signed_as_before(ring):
    assert await sign(CONTEXT, ring, countersigner="system") == SIGNED_BEFORE_ISSUERS


async def test_issuer_and_method_come_back_as_they_were_signed(ring):
    named = replace(CONTEXT, issuer="https://idp.example", method="api_key")
    assert await check(ring, await sign(named, ring)) == named
    assert named != CONTEXT


@pytest.mark.parametrize("name", ["issuer", "method"])
@pytest.mark.parametrize("value", [7, ["x"], {}, False])
async def test_an_issuer_or_a_method_that_is_no_text_is_no_claim(ring, name, value):
    with pytest.raises(InvalidContext):
        await check(ring, await sign(replace(CONTEXT, **{name: value}), ring))


@pytest.mark.parametrize("models", [(), ("fake",), ("fake", "other"), None])
async def test_an_api_key_and_its_models_come_back_as_they_were_signed(ring, models):
    named = replace(CONTEXT, api_key="0" * 11, models=models)
    assert await check(ring, await sign(named, ring)) == named


@pytest.mark.parametrize("claim", [{"models": "fake"}, {"models": 7}, {"models": [7]}, {"models": {}}, {"api_key": 7}])
async def test_models_that_are_no_list_of_texts_are_no_claim(ring, claim):
    with pytest.raises(InvalidContext):
        await check(ring, await sign(replace(CONTEXT, **claim), ring))


async def test_an_older_key_still_verifies(ring):
    token = await sign(CONTEXT, ring)
    ring.rotate("acme")
    assert await check(ring, token) == CONTEXT


@pytest.mark.parametrize("change", [{"workflow_id": "inf.acme." + "b" * 32}, {"request_hash": "f" * 64}])
async def test_a_copy_is_good_for_no_other_run(ring, change):
    with pytest.raises(InvalidContext):
        await check(ring, await sign(CONTEXT, ring), **change)


async def test_a_start_after_the_expiry_is_late_whenever_it_is_looked_at(ring):
    token = await sign(CONTEXT, ring)
    assert await check(ring, token, started_at=1000.0)
    with pytest.raises(ExpiredContext):
        await check(ring, token, started_at=1000.1)


@pytest.mark.parametrize(
    "name", ["tenant", "subject", "client_id", "roles", "policy", "expires_at", "issuer", "method", "key"]
)
async def test_no_claim_can_be_edited(ring, name):
    claims, dot, tag = (await sign(CONTEXT, ring)).partition(".")
    edited = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    edited[name] = "globex" if isinstance(edited.get(name, ""), str) else ["admin"] if name == "roles" else 10**10
    forged = base64.urlsafe_b64encode(json.dumps(edited, separators=(",", ":")).encode()).decode().rstrip("=")
    with pytest.raises(InvalidContext):
        await check(ring, forged + dot + tag)


async def test_a_countersignature_says_that_assay_vouches_for_the_claims(ring):
    plain, countersigned = await sign(CONTEXT, ring), await sign(CONTEXT, ring, countersigner="system")
    assert not (await check(ring, plain, countersigner="system")).countersigned
    assert (await check(ring, countersigned, countersigner="system")).countersigned
    stripped = countersigned.rpartition(".")[0]
    assert not (await check(ring, stripped, countersigner="system")).countersigned


async def test_a_countersignature_is_made_by_one_key_alone(ring):
    by_tenant = await sign(CONTEXT, ring, countersigner="acme")
    other = await sign(replace(CONTEXT, subject="mallory"), ring)
    countersigned = await sign(CONTEXT, ring, countersigner="system")
    moved = f"{other}.{countersigned.rpartition('.')[2]}"
    doubled = f"{other}.{other.rpartition('.')[2]}"
    for forged in (by_tenant, moved, doubled, f"{other}.", f"{countersigned}.{countersigned.rpartition('.')[2]}"):
        with pytest.raises(InvalidContext):
            await check(ring, forged, countersigner="system")
    with pytest.raises(InvalidContext):
        await check(ring, countersigned)  # where nobody's countersignature counts


async def test_half_characters_are_no_claims(ring):
    with pytest.raises(InvalidContext):
        await check(ring, await sign(replace(CONTEXT, subject="\ud800"), ring))


async def test_another_tenants_key_signs_nothing_for_this_one(ring):
    token = await sign(replace(CONTEXT, tenant="globex"), ring)
    assert (await check(ring, token)).tenant == "globex"


@pytest.mark.parametrize(
    "token", [None, 7, "", ".", "a.b", "e30.e30", "x" * 10_000, "[]", {"a": 1}, "é.é", "bnVsbA.AA"]
)
async def test_what_is_no_context_is_refused(ring, token):
    with pytest.raises(InvalidContext):
        await check(ring, token)


async def test_an_absent_keeper_is_not_a_forgery(ring):
    token = await sign(CONTEXT, ring)
    ring.away = True
    with pytest.raises(KeyUnavailable):
        await check(ring, token)


async def test_the_reason_quotes_nothing(ring):
    token = await sign(CONTEXT, ring)
    with pytest.raises(InvalidContext) as caught:
        await check(ring, token, workflow_id="inf.acme." + "z" * 32)
    assert "alice" not in str(caught.value)
    assert "inf." not in str(caught.value)
