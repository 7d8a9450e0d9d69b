"""The cache of public keys while Vault does not answer: known keys verify, and only tokens with unknown ones wait."""

import asyncio
import base64
from collections import Counter

import pytest

from adapters.vault.public_keys import VaultPublicKeys
from domain.refusals import Kind, Refusal

TOKENS, LOG = "token-signing", "log-signing"
KNOWN, UNKNOWN = f"{TOKENS}:1", f"{TOKENS}:7"


class SilentVault:
    """A session whose Vault answers at once, or not before it is released; its calls are counted by path."""

    def __init__(self) -> None:
        self.begun: Counter[str] = Counter()
        self.answers = asyncio.Event()
        self.answers.set()
        self.asked = asyncio.Condition()
        self.unavailable = False
        self.versions = {"1"}

    async def call(self, fn: object) -> object:
        client = _Client(self.versions)
        try:
            return fn(client)
        finally:
            self.begun[client.path.rpartition("/")[2]] += 1
            async with self.asked:
                self.asked.notify_all()
            await self.answers.wait()
            if self.unavailable:
                raise Refusal(Kind.VAULT_UNAVAILABLE, "away")

    async def asked_for(self, key: str, times: int) -> None:
        async with asyncio.timeout(10), self.asked:
            await self.asked.wait_for(lambda: self.begun[key] >= times)


class _Client:
    """The one call of hvac's client that reading a key makes."""

    path = ""

    def __init__(self, versions: set[str]) -> None:
        self._versions = versions

    def read(self, path: str) -> dict[str, object]:
        self.path = path
        key = {"public_key": base64.b64encode(bytes(32)).decode(), "creation_time": "2026-01-01T00:00:00.123456789Z"}
        return {"data": {"keys": dict.fromkeys(self._versions, key)}}


class Monotonic:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def vault() -> SilentVault:
    return SilentVault()


@pytest.fixture
def monotonic() -> Monotonic:
    return Monotonic()


@pytest.fixture
async def keys(vault: SilentVault, monotonic: Monotonic) -> VaultPublicKeys:
    """With the tokens' key set read a minute ago."""
    made = VaultPublicKeys(vault, monotonic=monotonic)
    assert await made.find(TOKENS, KNOWN)
    monotonic.now += 60
    return made


def at_once(coroutine: object) -> object:
    """Return the result of a coroutine that never waits."""
    with pytest.raises(StopIteration) as returned:
        coroutine.send(None)
    return returned.value.value


async def test_known_keys_verify_while_an_unknown_one_waits_for_a_silent_vault(
    keys: VaultPublicKeys, vault: SilentVault
):
    vault.answers.clear()
    unknown = [asyncio.create_task(keys.find(TOKENS, f"{TOKENS}:{n}")) for n in range(7, 27)]
    await vault.asked_for(TOKENS, 2)
    for _ in range(100):
        assert at_once(keys.find(TOKENS, KNOWN))
    assert not any(task.done() for task in unknown)
    vault.answers.set()
    assert await asyncio.gather(*unknown) == [None] * 20
    assert vault.begun == {TOKENS: 2}


async def test_a_silent_reading_of_one_key_delays_no_other(keys: VaultPublicKeys, vault: SilentVault):
    await keys.key_set(LOG)
    vault.answers.clear()
    waiting = asyncio.create_task(keys.find(TOKENS, UNKNOWN))
    await vault.asked_for(TOKENS, 2)
    assert at_once(keys.key_set(LOG))
    other = asyncio.create_task(keys.key_set("receipt-signing"))
    await vault.asked_for("receipt-signing", 1)  # asked while the other reading is still in flight
    vault.answers.set()
    await asyncio.gather(waiting, other)


async def test_an_unknown_key_asks_again_once_in_a_few_seconds_also_when_vault_fails(
    keys: VaultPublicKeys, vault: SilentVault, monotonic: Monotonic
):
    vault.unavailable = True
    for _ in range(3):
        for _ in range(10):
            assert await keys.find(TOKENS, UNKNOWN) is None
        monotonic.now += 6
    assert vault.begun[TOKENS] == 1 + 3
    vault.unavailable, vault.versions = False, {"1", "7"}
    assert await keys.find(TOKENS, UNKNOWN)


async def test_a_set_is_read_again_in_the_background_before_it_is_due(
    keys: VaultPublicKeys, vault: SilentVault, monotonic: Monotonic
):
    monotonic.now += 190
    vault.answers.clear()
    for _ in range(10):
        assert at_once(keys.find(TOKENS, KNOWN))
    await vault.asked_for(TOKENS, 2)
    vault.answers.set()
    await keys.find(TOKENS, UNKNOWN)  # the end of the same reading
    monotonic.now += 200
    assert at_once(keys.find(TOKENS, KNOWN))
    assert vault.begun == {TOKENS: 2}


async def test_after_a_failed_reading_known_keys_verify_without_a_wait_for_some_minutes_more(
    keys: VaultPublicKeys, vault: SilentVault, monotonic: Monotonic
):
    vault.unavailable = True
    monotonic.now += 400
    assert await keys.find(TOKENS, KNOWN)  # idle until now: this one waits for the attempt
    vault.answers.clear()
    for _ in range(3):
        monotonic.now += 100
        assert at_once(keys.find(TOKENS, KNOWN))
    monotonic.now += 200
    late = asyncio.create_task(keys.find(TOKENS, KNOWN))
    vault.answers.set()
    with pytest.raises(Refusal) as refused:
        await late
    assert refused.value.kind is Kind.VAULT_UNAVAILABLE


async def test_a_waiter_that_gives_up_leaves_the_reading_to_the_others(vault: SilentVault):
    keys = VaultPublicKeys(vault)
    vault.answers.clear()
    first, second = (asyncio.create_task(keys.find(TOKENS, KNOWN)) for _ in range(2))
    await vault.asked_for(TOKENS, 1)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    vault.answers.set()
    assert await second
    assert vault.begun == {TOKENS: 1}
