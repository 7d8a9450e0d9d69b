"""Signing in Vault: anyone verifies it with the public keys alone, rotations included."""

import asyncio

import jwt
import pytest

from adapters.tokens.access_tokens import JwtIssuer, JwtVerifier
from adapters.vault.public_keys import VaultPublicKeys
from adapters.vault.session import ServiceSession
from adapters.vault.signer import VaultSigner
from config.settings import TokenSettings
from domain.access.clients import ClientEntry
from domain.refusals import Kind, Refusal
from tests.adapters.stack import Stack, SystemClock
from tests.adapters.vault.test_keyring_vault import CountingSession, Monotonic
from tests.doubles.keys import FixedIdentity

CLAIMS = {"text": "gr\u00fc\u00dfe", "number": 0.1, "nested": {"a": [1, None]}}


async def test_a_statement_verifies_with_the_public_key(worker_session: ServiceSession) -> None:
    keys = VaultPublicKeys(worker_session)
    signer = VaultSigner(worker_session, keys)
    statement = await signer.sign("receipt-signing", "assay-receipt+jwt", CLAIMS)
    jwks = await signer.public_keys("receipt-signing")
    header = jwt.get_unverified_header(statement)
    assert header == {"alg": "EdDSA", "typ": "assay-receipt+jwt", "kid": "receipt-signing:1"}
    jwk = jwks[header["kid"]]
    assert (jwk["kty"], jwk["crv"], jwk["alg"], jwk["use"], jwk["kid"]) == (
        "OKP",
        "Ed25519",
        "EdDSA",
        "sig",
        header["kid"],
    )
    assert jwt.decode(statement, jwt.PyJWK(dict(jwk)), algorithms=["EdDSA"]) == CLAIMS


async def test_a_rotation_is_learned_of_and_old_statements_verify(
    stack: Stack, api_session: ServiceSession, worker_session: ServiceSession
) -> None:
    monotonic = Monotonic()
    keys = VaultPublicKeys(api_session, monotonic=monotonic)
    issuer = JwtIssuer(VaultSigner(api_session, keys), TokenSettings())
    verifier = JwtVerifier(keys, FixedIdentity(), TokenSettings(), SystemClock())
    entry = ClientEntry("c", "acme", "s", (), "", "")

    async def issue(by: JwtIssuer) -> str:
        return (await by.issue(entry, "", SystemClock().now(), "j")).access_token

    old = await issue(issuer)
    await stack.as_root(lambda client: client.write_data("transit/keys/token-signing/rotate"))
    new = await issue(JwtIssuer(VaultSigner(api_session, VaultPublicKeys(api_session)), TokenSettings()))
    assert jwt.get_unverified_header(new)["kid"] != jwt.get_unverified_header(old)["kid"]
    with pytest.raises(Refusal):
        await verifier.verify(new)  # asked too lately to ask again
    monotonic.now += 6
    await verifier.verify(new)
    await verifier.verify(old)


async def test_made_up_key_ids_don_t_cost_a_call_each(api_session: ServiceSession) -> None:
    session = CountingSession(api_session)
    keys = VaultPublicKeys(session)
    found = await asyncio.gather(*(keys.find("token-signing", f"token-signing:{n}") for n in range(50, 90)))
    assert found == [None] * 40
    assert session.calls == 1


async def test_known_keys_outlast_a_short_outage_only(stack: Stack) -> None:
    monotonic = Monotonic()
    session = await stack.session("api")
    keys = VaultPublicKeys(session, monotonic=monotonic)
    known = await keys.key_set("token-signing")
    await session.close()
    monotonic.now += 600
    assert await keys.key_set("token-signing") == known
    monotonic.now += 600
    with pytest.raises(Refusal) as refusal:
        await keys.key_set("token-signing")
    assert refusal.value.kind is Kind.VAULT_UNAVAILABLE


async def test_a_key_that_is_not_there(operator_session: ServiceSession, worker_session: ServiceSession) -> None:
    with pytest.raises(Refusal):
        await VaultPublicKeys(worker_session).key_set("token-signing")
