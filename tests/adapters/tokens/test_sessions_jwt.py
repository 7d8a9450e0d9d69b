"""Tickets, sessions and access tokens: none passes for another."""

from dataclasses import replace
from datetime import timedelta

import jwt
import pytest

from adapters.tokens.access_tokens import JwtIssuer, JwtVerifier
from adapters.tokens.browser_sessions import JwtSessions
from config.settings import TokenSettings
from domain.access.clients import ClientEntry
from domain.access.principals import AuthenticationMethod, Principal, Role
from domain.access.sessions import SessionClaims, SessionUse
from domain.identity import caller_hash
from domain.refusals import Kind, Refusal
from tests.doubles.clock import START, FixedClock
from tests.doubles.keys import FixedIdentity, LocalSigner

SETTINGS = TokenSettings()
RUN = "inf.acme." + "a" * 32
IDP = "https://idp.example"


class Issued:
    """Everything that signs and checks with one key, and one of each kind of token."""

    def __init__(self) -> None:
        self.clock, self.signer, identity = FixedClock(), LocalSigner(), FixedIdentity()
        self.sessions = JwtSessions(self.signer, self.signer, identity, SETTINGS, self.clock)
        self.access = JwtVerifier(self.signer, identity, SETTINGS, self.clock)

    async def access_token(self) -> str:
        entry = ClientEntry("console", "acme", "alice", ("auditor",), "", "")
        return (await JwtIssuer(self.signer, SETTINGS).issue(entry, "auditor", START, "a-jti")).access_token

    async def principal(self) -> Principal:
        return await self.access.verify(await self.access_token())

    async def issue(self, use: SessionUse, **options: object) -> str:
        given = {"now": self.clock.now(), "seconds": 60, "jti": "a-jti", **options}
        return await self.sessions.issue(use, await self.principal(), **given)


@pytest.fixture
def issued() -> Issued:
    return Issued()


async def refused(issued: Issued, use: SessionUse, token: str) -> Kind:
    with pytest.raises(Refusal) as refusal:
        await issued.sessions.verify(use, token)
    return refusal.value.kind


@pytest.mark.parametrize("use", SessionUse)
async def test_a_token_says_for_whom_it_was_issued(issued: Issued, use: SessionUse):
    token = await issued.issue(use, run=RUN, now=START + timedelta(seconds=0.9))
    principal = await issued.principal()
    assert (principal.roles, principal.method) == ({Role.AUDITOR}, AuthenticationMethod.JWT)
    expected = replace(principal, method=AuthenticationMethod.BROWSER_SESSION)
    assert await issued.sessions.verify(use, token) == SessionClaims(expected, "a-jti", START, RUN)


@pytest.mark.parametrize("use", SessionUse)
async def test_a_session_of_another_issuers_principal_stays_that_principals(issued: Issued, use: SessionUse):
    key = await FixedIdentity().tenant_key("acme")
    caller = caller_hash(key, "acme", "console", "alice", issuer=IDP)
    theirs = replace(await issued.principal(), issuer=IDP, caller=caller)
    token = await issued.sessions.issue(use, theirs, now=START, seconds=60, jti="a-jti")
    found = (await issued.sessions.verify(use, token)).principal
    assert found == replace(theirs, method=AuthenticationMethod.BROWSER_SESSION)
    assert found.caller != (await issued.principal()).caller


@pytest.mark.parametrize(
    "sub_id",
    [
        *(None, "", IDP, [], {}, {"iss": IDP}),
        {"format": "iss_sub", "iss": IDP},
        {"format": "iss_sub", "iss": "", "sub": "alice"},
        {"format": "iss_sub", "iss": 7, "sub": "alice"},
        {"format": "iss_sub", "iss": IDP, "sub": "bob"},
        {"format": "opaque", "iss": IDP, "sub": "alice"},
        {"format": "iss_sub", "iss": IDP, "sub": "alice", "id": "x"},
    ],
)
async def test_another_subject_identifier_is_no_session(issued: Issued, sub_id: object):
    claims = jwt.decode(await issued.issue(SessionUse.SESSION), options={"verify_signature": False})
    token = await issued.signer.sign("token-signing", "assay-session+jwt", {**claims, "sub_id": sub_id})
    assert await refused(issued, SessionUse.SESSION, token) is Kind.INVALID_TOKEN


@pytest.mark.parametrize("use", SessionUse)
async def test_it_lives_as_long_as_it_was_given(issued: Issued, use: SessionUse):
    token = await issued.issue(use, seconds=60)
    issued.clock.advance(60 + SETTINGS.leeway_seconds - 1)
    await issued.sessions.verify(use, token)
    issued.clock.advance(1)
    assert await refused(issued, use, token) is Kind.EXPIRED_TOKEN


async def test_none_passes_for_another(issued: Issued):
    ticket, session = await issued.issue(SessionUse.TICKET), await issued.issue(SessionUse.SESSION)
    access = await issued.access_token()
    for use, tokens in ((SessionUse.TICKET, (session, access)), (SessionUse.SESSION, (ticket, access))):
        for token in tokens:
            assert await refused(issued, use, token) is Kind.INVALID_TOKEN
    for token in (ticket, session):
        with pytest.raises(Refusal) as refusal:
            await issued.access.verify(token)
        assert refusal.value.kind is Kind.INVALID_TOKEN


async def test_the_type_alone_is_not_enough(issued: Issued):
    """An access token's claims under a session's type: another audience."""
    session = await issued.issue(SessionUse.SESSION)
    claims = dict(await JwtVerifier.claims(issued.access, await issued.access_token()))
    forged = await issued.signer.sign("token-signing", "assay-session+jwt", claims)
    assert await refused(issued, SessionUse.SESSION, forged) is Kind.INVALID_TOKEN
    unsigned = session.rpartition(".")[0] + "." + "A" * 86
    assert await refused(issued, SessionUse.SESSION, unsigned) is Kind.INVALID_TOKEN


@pytest.mark.parametrize("run", [7, ["x"], {"a": 1}])
async def test_a_run_is_a_text(issued: Issued, run: object):
    token = await issued.issue(SessionUse.TICKET, run=run)
    assert await refused(issued, SessionUse.TICKET, token) is Kind.INVALID_TOKEN
