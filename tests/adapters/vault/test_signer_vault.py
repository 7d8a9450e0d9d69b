"""Signing in Vault: anyone verifies it with the public keys alone, rotations included."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import jwt
import pytest

from adapters.tokens.access_tokens import JwtIssuer, JwtVerifier
from adapters.vault.calls import read
from adapters.vault.public_keys import MOST_STALE_SECONDS, VaultPublicKeys
from adapters.vault.session import ServiceSession
from adapters.vault.signer import VaultSigner
from api.access.oauth import JWKS_MAX_AGE_SECONDS
from config.settings import TokenSettings
from domain import signing_keys
from domain.access.clients import ClientEntry
from domain.refusals import Kind, Refusal
from domain.signing_keys import PUBLISHING_DELAY, RECEIPT_KEY, TOKEN_KEY
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


class Time:
    """A machine's clocks, moved forward together. The wall clock is right at ``right_at``."""

    def __init__(self, passed: float = 0.0) -> None:
        self.passed = passed
        self.right_at = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.passed

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.passed - self.right_at)


class CutOff:
    """A session that is cut off from Vault when told to."""

    def __init__(self, session: ServiceSession) -> None:
        self._session = session
        self.off = False

    async def call(self, fn: object) -> object:
        if self.off:
            raise Refusal(Kind.VAULT_UNAVAILABLE, "away")
        return await self._session.call(fn)


class Publisher:
    """An API process with its own cache, and a client that caches its answers (HTTP)."""

    def __init__(self, session: ServiceSession | CutOff, times: Time) -> None:
        self._signer = VaultSigner(session, VaultPublicKeys(session, monotonic=times, clock=times))
        self._times = times
        self._fetched: tuple[float, set[str]] = (float("-inf"), set())

    async def shows(self, kid: str) -> bool:
        """Return False if the client lacks the key. A process without an answer shows nothing."""
        at, kids = self._fetched
        if self._times() - at > 300:
            try:
                kids = set(await self._signer.public_keys(RECEIPT_KEY))
            except Refusal:
                return True
            self._fetched = (self._times(), kids)
        return kid in kids


async def rotate(stack: Stack, key: str) -> int:
    """Return the new version."""
    await stack.as_root(lambda client: client.write_data(f"transit/keys/{key}/rotate"))
    return (await stack.as_root(lambda client: read(client, f"transit/keys/{key}")))["latest_version"]


@pytest.mark.parametrize("delay", [PUBLISHING_DELAY, timedelta()], ids=["as it is", "wrong: without a delay"])
async def test_no_process_signs_by_a_version_that_another_does_not_show(
    stack: Stack,
    api_session: ServiceSession,
    worker_session: ServiceSession,
    monkeypatch: pytest.MonkeyPatch,
    delay: timedelta,
) -> None:
    monkeypatch.setattr(signing_keys, "PUBLISHING_DELAY", delay)
    times, cut_off = Time(), CutOff(api_session)
    publishers = [Publisher(session, times) for session in (cut_off, *[api_session] * 3)]
    signer = VaultSigner(worker_session, VaultPublicKeys(worker_session, monotonic=times, clock=times))

    async def signed_by() -> str:
        statement = await signer.sign(RECEIPT_KEY, "assay-receipt+jwt", CLAIMS)
        return str(jwt.get_unverified_header(statement)["kid"])

    for publisher in publishers:  # their caches end at different times
        times.passed += 97
        assert await publisher.shows(await signed_by())
    before = await signed_by()
    new = f"{RECEIPT_KEY}:{await rotate(stack, RECEIPT_KEY)}"
    cut_off.off = True
    times.right_at = times.passed  # Vault notes the creation by its own clock
    changed_at, missing = None, 0
    while times.passed - times.right_at < PUBLISHING_DELAY.total_seconds() + 400:
        times.passed += 25
        kid = await signed_by()
        assert kid in (before, new)
        if kid == new and changed_at is None:
            changed_at = times.passed - times.right_at
        shown = [await publisher.shows(kid) for publisher in publishers]
        missing += shown.count(False)
    assert changed_at is not None
    if delay:
        assert (missing, changed_at >= delay.total_seconds()) == (0, True)
    else:
        assert missing > 0


def test_versions_are_published_for_longer_than_any_cache_lasts() -> None:
    assert PUBLISHING_DELAY.total_seconds() > 2 * (MOST_STALE_SECONDS + JWKS_MAX_AGE_SECONDS)


async def test_tokens_of_all_versions_verify(stack: Stack, api_session: ServiceSession) -> None:
    times = Time()
    keys = VaultPublicKeys(api_session, monotonic=times, clock=times)
    issuer = JwtIssuer(VaultSigner(api_session, keys), TokenSettings())
    verifier = JwtVerifier(keys, FixedIdentity(), TokenSettings(), times)
    entry = ClientEntry("c", "acme", "s", (), "", "")

    async def issue() -> str:
        return (await issuer.issue(entry, "", SystemClock().now(), "j")).access_token

    old = await issue()
    await rotate(stack, TOKEN_KEY)
    times.passed += 400
    same = await issue()
    await verifier.verify(old)
    later = Time(PUBLISHING_DELAY.total_seconds())
    issuer = JwtIssuer(VaultSigner(api_session, VaultPublicKeys(api_session, clock=later)), TokenSettings())
    new = await issue()
    kids = [jwt.get_unverified_header(token)["kid"] for token in (old, same, new)]
    assert kids[0] == kids[1] != kids[2]
    times.passed = 0
    for token in (old, new):
        await verifier.verify(token)


async def test_a_withdrawn_version_is_replaced_at_once(stack: Stack, api_session: ServiceSession) -> None:
    times = Time()
    keys = VaultPublicKeys(api_session, monotonic=times, clock=times)
    signer = VaultSigner(api_session, keys)
    await signer.sign(TOKEN_KEY, "at+jwt", CLAIMS)
    new, config = await rotate(stack, TOKEN_KEY), f"transit/keys/{TOKEN_KEY}/config"
    await stack.as_root(lambda client: client.write_data(config, data={"min_encryption_version": new}))
    try:
        with pytest.raises(Refusal) as refused:
            await signer.sign(TOKEN_KEY, "at+jwt", CLAIMS)  # the versions were read too recently to be read again
        assert refused.value.kind is Kind.INTERNAL
        times.passed += 6
        statement = await signer.sign(TOKEN_KEY, "at+jwt", CLAIMS)
        assert jwt.get_unverified_header(statement)["kid"] == f"{TOKEN_KEY}:{new}"
    finally:
        await stack.as_root(lambda client: client.write_data(config, data={"min_encryption_version": 0}))


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
