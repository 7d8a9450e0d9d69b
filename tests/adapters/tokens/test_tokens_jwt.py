"""Access tokens: what passes, and everything that must not."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adapters.tokens.access_tokens import JwtIssuer, JwtVerifier
from config.settings import TokenSettings
from domain.access.clients import ClientEntry
from domain.access.principals import Role
from domain.identity import caller_hash
from domain.refusals import Kind, Refusal
from tests.doubles.clock import FixedClock
from tests.doubles.keys import FixedIdentity, LocalSigner
from tests.doubles.principals import principal

SETTINGS = TokenSettings()
ENTRY = ClientEntry("client-1", "acme", "urn:someone", ("ai_operator", "unheard-of"), "", "")
KID = "token-signing:1"
CLAIMS = ("iss", "aud", "sub", "client_id", "iat", "nbf", "exp", "jti", "scope", "tenant", "roles")


class Tokens:
    """An issuer, a verifier, and the means to make what the issuer never would."""

    def __init__(self) -> None:
        self.clock = FixedClock()
        self.signer = LocalSigner()
        self.identity = FixedIdentity()
        self.issuer = JwtIssuer(self.signer, SETTINGS)
        self.verifier = JwtVerifier(self.signer, self.identity, SETTINGS, self.clock)

    async def issue(self, entry: ClientEntry = ENTRY) -> str:
        return (await self.issuer.issue(entry, "ai_operator", self.clock.now(), "a-jti")).access_token

    async def signed(self, claims: Mapping[str, Any], typ: str = "at+jwt", key: str = "token-signing") -> str:
        return await self.signer.sign(key, typ, claims)

    async def claims(self, **changes: object) -> dict[str, Any]:
        return {**json.loads(unpadded((await self.issue()).split(".")[1])), **changes}

    async def refused(self, token: str) -> Kind:
        with pytest.raises(Refusal) as refusal:
            await self.verifier.verify(token)
        return refusal.value.kind


def unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def segment(value: object) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.fixture
def tokens() -> Tokens:
    return Tokens()


async def test_an_issued_token_passes(tokens: Tokens) -> None:
    token = await tokens.issue()
    assert jwt.get_unverified_header(token) == {"alg": "EdDSA", "typ": "at+jwt", "kid": KID}
    claims = await tokens.claims()
    assert set(claims) == set(CLAIMS)
    caller = caller_hash(await tokens.identity.tenant_key("acme"), "acme", "client-1", "urn:someone", issuer=None)
    expected = principal("acme", "urn:someone", "client-1", frozenset({Role.AI_OPERATOR}), caller)
    assert await tokens.verifier.verify(token) == expected


async def test_an_issued_token_says_how_long_it_lives(tokens: Tokens) -> None:
    issued = await tokens.issuer.issue(ENTRY, "a b", tokens.clock.now(), "x")
    assert (issued.expires_in, issued.scope) == (SETTINGS.lifetime_seconds, "a b")
    assert issued.access_token not in repr(issued)


async def test_time_runs_out(tokens: Tokens) -> None:
    token = await tokens.issue()
    tokens.clock.advance(SETTINGS.lifetime_seconds + SETTINGS.leeway_seconds - 1)
    await tokens.verifier.verify(token)
    tokens.clock.advance(2)
    assert await tokens.refused(token) is Kind.EXPIRED_TOKEN


@pytest.mark.parametrize("claim", ["nbf", "iat"])
async def test_a_token_from_the_future_is_refused(tokens: Tokens, claim: str) -> None:
    now = int(tokens.clock.now().timestamp())
    token = await tokens.signed(await tokens.claims(**{claim: now + SETTINGS.leeway_seconds + 1}))
    assert await tokens.refused(token) is Kind.INVALID_TOKEN
    await tokens.verifier.verify(await tokens.signed(await tokens.claims(**{claim: now + SETTINGS.leeway_seconds})))


@pytest.mark.parametrize("claim", CLAIMS)
async def test_every_claim_is_required(tokens: Tokens, claim: str) -> None:
    claims = await tokens.claims()
    del claims[claim]
    assert await tokens.refused(await tokens.signed(claims)) is Kind.INVALID_TOKEN


WRONG = {
    "iss": ["urn:other", "", None, ["urn:assay"], 1],
    "aud": ["other", "", None, [], ["other"], {"assay": 1}, ["assay", 1], 5],
    "sub": ["", None, 1, ["a"], "x" * 600],
    "client_id": ["", None, 1, {}],
    "iat": [None, "1", 1.5, True, [], 10**30],
    "nbf": [None, "1", 1.5, True, 10**30],
    "exp": [None, "9999999999", 1e12, True, -1, {}],
    "jti": ["", None, 1],
    "scope": [None, 1, ["a"]],
    "tenant": ["", None, 1, "Acme", "acme' OR '1'='1", "system", "a" * 41, "../acme", "acme\n", "acme; DROP TABLE x"],
    "roles": [None, "admin", {"admin": 1}, ["admin", 1], [None], [""]],
}


@pytest.mark.parametrize(("claim", "value"), [(claim, value) for claim, values in WRONG.items() for value in values])
async def test_a_claim_of_the_wrong_kind_is_refused(tokens: Tokens, claim: str, value: object) -> None:
    token = await tokens.signed(await tokens.claims(**{claim: value}))
    expected = Kind.EXPIRED_TOKEN if (claim, value) == ("exp", -1) else Kind.INVALID_TOKEN
    assert await tokens.refused(token) is expected


async def test_an_audience_may_be_one_of_several(tokens: Tokens) -> None:
    await tokens.verifier.verify(await tokens.signed(await tokens.claims(aud=["other", "assay"])))


async def test_sql_in_a_subject_is_only_a_subject(tokens: Tokens) -> None:
    subject = "x'); DROP TABLE assay.record; --"
    principal = await tokens.verifier.verify(await tokens.issue(replace(ENTRY, subject=subject)))
    assert principal.subject == subject
    assert len(principal.caller) == 32
    assert int(principal.caller, 16)


async def test_no_algorithm_but_ours(tokens: Tokens) -> None:
    claims = await tokens.claims()
    public = base64.urlsafe_b64decode((await tokens.signer.public_keys("token-signing"))[KID]["x"] + "=")
    for algorithm in ("none", "None", "HS256", "hs256", "EdDSA ", "ES256", ["EdDSA"], None, 1):
        header = segment({"alg": algorithm, "typ": "at+jwt", "kid": KID})
        signing_input = f"{header}.{segment(claims)}"
        mac = hmac.new(public, signing_input.encode(), hashlib.sha256).digest()
        for signature in (segment(mac), "", "AAAA"):
            assert await tokens.refused(f"{signing_input}.{signature}") is Kind.INVALID_TOKEN


@pytest.mark.parametrize("typ", ["JWT", "jwt", "", "assay-receipt+jwt", "AT+JWT"])
async def test_no_type_but_ours(tokens: Tokens, typ: str) -> None:
    assert await tokens.refused(await tokens.signed(await tokens.claims(), typ)) is Kind.INVALID_TOKEN


@pytest.mark.parametrize(
    "kid", ["token-signing:2", "receipt-signing:1", "token-signing", "token-signing:1 ", "../x", "", None, 1, ["a"]]
)
async def test_no_key_but_ours(tokens: Tokens, kid: object) -> None:
    private = tokens.signer._key("token-signing")
    header = {"alg": "EdDSA", "typ": "at+jwt", "kid": kid}
    signing_input = f"{segment(header)}.{segment(await tokens.claims())}"
    token = f"{signing_input}.{segment(private.sign(signing_input.encode()))}"
    assert await tokens.refused(token) is Kind.INVALID_TOKEN


async def test_a_receipt_is_no_token(tokens: Tokens) -> None:
    token = await tokens.signed(await tokens.claims(), key="receipt-signing")
    assert await tokens.refused(token) is Kind.INVALID_TOKEN


@pytest.mark.parametrize(
    "extra",
    [{"crit": ["exp"]}, {"crit": []}, {"b64": False}, {"jwk": {}, "crit": ["jwk"]}, {"b64": False, "crit": ["b64"]}],
)
async def test_critical_extensions_are_refused(tokens: Tokens, extra: dict[str, object]) -> None:
    header = {"alg": "EdDSA", "typ": "at+jwt", "kid": KID, **extra}
    signing_input = f"{segment(header)}.{segment(await tokens.claims())}"
    signature = tokens.signer._key("token-signing").sign(signing_input.encode())
    assert await tokens.refused(f"{signing_input}.{segment(signature)}") is Kind.INVALID_TOKEN


async def test_an_embedded_key_is_not_trusted(tokens: Tokens) -> None:
    own = Ed25519PrivateKey.generate()
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": segment(own.public_key().public_bytes_raw())}
    header = {"alg": "EdDSA", "typ": "at+jwt", "kid": KID, "jwk": jwk}
    signing_input = f"{segment(header)}.{segment(await tokens.claims())}"
    assert await tokens.refused(f"{signing_input}.{segment(own.sign(signing_input.encode()))}") is Kind.INVALID_TOKEN


async def test_tokens_that_share_a_beginning_are_told_apart(tokens: Tokens) -> None:
    token = await tokens.issue()
    await tokens.verifier.verify(token)
    head, claims, signature = token.split(".")
    other = segment({**json.loads(unpadded(claims)), "roles": ["admin"]})
    flipped = ("A" if signature[0] != "A" else "B") + signature[1:]
    for forged in (f"{head}.{other}.{signature}", f"{head}.{claims}.{flipped}", f"{token}A", token[:-4], f"{token}."):
        assert await tokens.refused(forged) is Kind.INVALID_TOKEN
    await tokens.verifier.verify(token)


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "...",
        "a.b",
        "a.b.c",
        "a" * 9000,
        "é.é.é",
        "eyJ" + "A" * 600 + ".e30.AA",
        "e30.e30.e30",
        "\0.\0.\0",
    ],
)
async def test_what_is_no_token_is_refused(tokens: Tokens, token: str) -> None:
    assert await tokens.refused(token) is Kind.INVALID_TOKEN


@pytest.mark.parametrize("claims", [[], "text", 5, None, b"{", b"\xff", b'{"iss": NaN}'])
async def test_claims_that_are_no_object_are_refused(tokens: Tokens, claims: object) -> None:
    signing_input = f"{segment({'alg': 'EdDSA', 'typ': 'at+jwt', 'kid': KID})}.{segment(claims)}"
    signature = tokens.signer._key("token-signing").sign(signing_input.encode())
    assert await tokens.refused(f"{signing_input}.{segment(signature)}") is Kind.INVALID_TOKEN


async def test_the_refusal_quotes_nothing(tokens: Tokens) -> None:
    token = await tokens.signed(await tokens.claims(sub="a-private-subject", iss="urn:other"))
    with pytest.raises(Refusal) as refusal:
        await tokens.verifier.verify(token)
    assert str(refusal.value) == "invalid-token: the access token is invalid"
