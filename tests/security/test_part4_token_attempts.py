"""Part 4: nobody can lock a client out of ``/oauth/token``; wrong secrets are slowed, and leave nothing behind."""

import asyncio
from typing import Any, cast

import httpx2
import pytest

from adapters.tokens.access_tokens import JwtIssuer, JwtVerifier
from api.access.access_services import AccessServices
from api.app import build_app
from api.dependencies import Readiness, Services
from api.http.metrics import Metrics
from config.settings import Settings
from domain.access.clients import ClientEntry, IssuedToken
from domain.budgets.values import Rate
from domain.refusals import Kind, Refusal
from services.access import role_access
from services.token_attempts import WRONG_ATTEMPTS, AttemptRates, TokenAttempts, source_of
from services.tokens import TokenService
from tests.doubles.clock import FixedClock
from tests.doubles.keys import FixedIdentity, LocalSigner

SECRET = "the owner's secret"
OWNERS, ATTACKERS, OTHERS = "192.0.2.1", "203.0.113.66", "198.51.100.9"
FORM = {"grant_type": "client_credentials"}


class Clients:
    """One client. Counts how many of its readings run at once."""

    def __init__(self) -> None:
        self.entry: ClientEntry | None = None
        self.now = self.most = 0

    async def get(self, client_id: str) -> ClientEntry | None:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0)
        self.now -= 1
        return self.entry if self.entry and self.entry.client_id == client_id else None


class CountedFirst(TokenAttempts):
    """As it was: the attempt is counted before its secret is verified."""

    def __init__(self, tokens: TokenService, clock: FixedClock) -> None:
        super().__init__(tokens, clock, b"k" * 32)
        self._rows: dict[str, AttemptRates] = {}
        self._clock = clock

    async def grant(self, client_id: str, secret: str, address: str) -> IssuedToken:
        row = self._rows.setdefault(client_id, AttemptRates(WRONG_ATTEMPTS, self._clock, b"k"))
        if (wait := row.count(client_id)) > 0:
            raise Refusal(Kind.RATE_LIMITED, "too many attempts by this client", retry_after=wait)
        return await self._tokens.grant(client_id, secret)


class Edge:
    """``/oauth/token`` over doubles."""

    def __init__(self, *, counted_first: bool = False) -> None:
        self.clock, identity, signer = FixedClock(), FixedIdentity(), LocalSigner()
        settings = Settings().tokens
        self.clients = Clients()
        service = TokenService(
            cast("Any", self.clients), identity, JwtIssuer(signer, settings), self.clock, lambda: "0" * 32
        )
        self.attempts = (
            CountedFirst(service, self.clock) if counted_first else TokenAttempts(service, self.clock, b"k" * 32)
        )
        unused = cast("Any", None)
        verifier = JwtVerifier(signer, identity, settings, self.clock)
        access = AccessServices(verifier, role_access(), rates=unused, tokens=self.attempts, signer=signer, keys=unused)
        services = Services(access, inference=unused, audit=unused, codec=unused, edge=cast("Any", self))
        self.app = build_app(Readiness((), services), Metrics(), 1024, lambda: "0" * 32)
        self.identity = identity

    def offer(self, refusal: Refusal, *_: Any, **__: Any) -> None:
        """In place of the recorder of refusals."""

    async def begin(self) -> None:
        secret_hash = await self.identity.hash_client_secret("owner", SECRET)
        self.clients.entry = ClientEntry("owner", "acme", "client:owner", ("ai_operator",), secret_hash, "")

    async def ask(self, secret: str, client: str = "owner", address: str = OWNERS) -> httpx2.Response:
        transport = httpx2.ASGITransport(self.app, client=(address, 1))
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as http:
            return await http.post("/oauth/token", data=FORM, auth=(client, secret))

    async def attack(self, count: int, client: str = "owner", address: str = ATTACKERS) -> list[int]:
        return [(await self.ask(f"wrong {number}", client, address)).status_code for number in range(count)]


@pytest.fixture
async def edge() -> Edge:
    made = Edge()
    await made.begin()
    return made


async def test_counted_before_the_secret_wrong_attempts_lock_the_owner_out():
    wrong_variant = Edge(counted_first=True)
    await wrong_variant.begin()
    await wrong_variant.attack(60)
    assert (await wrong_variant.ask(SECRET)).status_code == 429
    await wrong_variant.attack(60, "nobody-1")
    assert len(wrong_variant.attempts._rows) == 2  # a row of an unknown client


@pytest.mark.parametrize("address", [OWNERS, ATTACKERS])
async def test_a_right_secret_gets_a_token_after_any_number_of_wrong_ones(edge: Edge, address: str):
    """Also from the attacker's own address, as behind one proxy."""
    assert 429 in await edge.attack(150)
    for _ in range(12):
        answer = await edge.ask(SECRET, address=address)
        assert answer.status_code == 200, answer.text
        await edge.attack(3)


async def test_right_secrets_are_not_counted(edge: Edge):
    answers = [(await edge.ask(SECRET)).status_code for _ in range(3 * WRONG_ATTEMPTS.limit)]
    assert set(answers) == {200}
    assert (await edge.ask("wrong", address=OTHERS)).status_code == 401


async def test_wrong_attempts_are_slowed_by_source_whatever_client_they_name(edge: Edge):
    answers = [(await edge.attack(1, f"client-{number}"))[0] for number in range(WRONG_ATTEMPTS.limit + 5)]
    assert answers == [401] * WRONG_ATTEMPTS.limit + [429] * 5
    assert (await edge.attack(1, "client-x", OTHERS)) == [401]
    edge.clock.advance(1)
    assert (await edge.attack(2)) == [401, 429]


async def test_wrong_attempts_are_slowed_by_client_whatever_source_they_come_from(edge: Edge):
    answers = [(await edge.attack(1, address=f"10.0.0.{number}"))[0] for number in range(WRONG_ATTEMPTS.limit + 5)]
    assert answers == [401] * WRONG_ATTEMPTS.limit + [429] * 5
    assert (await edge.attack(1, "another", "10.0.1.1")) == [401]


@pytest.mark.parametrize("processes", [1, 3])
async def test_processes_multiply_the_wrong_answers_by_their_number_at_most(processes: int):
    """Each counts for itself, behind a load balancer that takes turns."""
    edges = [Edge() for _ in range(processes)]
    for one in edges:
        await one.begin()
    answers = [(await one.attack(1))[0] for _ in range(WRONG_ATTEMPTS.limit + 10) for one in edges]
    assert answers.count(401) == processes * WRONG_ATTEMPTS.limit
    assert answers.count(429) == processes * 10
    for one in edges:
        assert (await one.ask(SECRET)).status_code == 200


async def test_an_unknown_client_is_slowed_exactly_as_a_known_one(edge: Edge):
    """Otherwise the 429 would say which clients exist."""
    answers = {
        client: [(await edge.attack(1, client, f"10.0.{third}.{number}"))[0] for number in range(70)]
        for third, client in ((1, "owner"), (2, "nobody"))
    }
    assert answers["owner"] == answers["nobody"]
    assert 429 in answers["nobody"]


async def test_a_slowed_attempt_is_told_when_to_come_back(edge: Edge):
    await edge.attack(WRONG_ATTEMPTS.limit)
    answer = await edge.ask("wrong", address=ATTACKERS)
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["type"] == "urn:assay:problem:rate-limited"


async def test_attempts_take_the_same_memory_however_many_clients_and_sources_are_named(edge: Edge):
    """The access rates of the store are not even wired here: an attempt that wrote a row would fail."""
    before = [len(edge.attempts._by_source._arrivals), len(edge.attempts._by_client._arrivals)]
    for number in range(300):
        await edge.attack(1, f"nobody-{number}", f"10.1.{number // 250}.{number % 250}")
    assert [len(edge.attempts._by_source._arrivals), len(edge.attempts._by_client._arrivals)] == before
    assert len(edge.attempts._turns) == 0


async def test_one_source_reads_the_key_store_twice_at_a_time_at_most(edge: Edge):
    answers = await asyncio.gather(*(edge.ask("wrong", f"client-{number}", ATTACKERS) for number in range(40)))
    assert {answer.status_code for answer in answers} == {401}
    assert edge.clients.most == 2
    assert len(edge.attempts._turns) == 0


def test_a_clock_that_was_set_back_slows_nobody_for_longer_than_the_window():
    clock = FixedClock()
    rates = AttemptRates(Rate(1, 60), clock, b"k")
    assert rates.count("x") == 0
    clock.advance(-86_400)
    assert 0 < rates.count("x") <= 60


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("", "unix", False),
    ],
)
def test_one_host_has_one_source(one: str, other: str, same: bool):
    assert (source_of(one) == source_of(other)) is same
