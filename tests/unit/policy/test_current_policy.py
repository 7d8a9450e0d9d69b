"""The current policy of a process: read, followed, kept through an outage."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest

from domain.policy.document import Policy
from domain.records.records import canonical
from domain.refusals import Kind, Refusal
from services.policies.changes import apply_policy, changed_sections, find_policy
from services.policies.current import CurrentPolicy, PinnedPolicy
from services.policies.parsed import Policies
from tests.doubles.stores import MemoryPolicies

AWAY = Refusal(Kind.STORE_UNAVAILABLE, "away")


def with_limit(document: bytes, limit: int) -> bytes:
    found = json.loads(document)
    found["limits"]["rate"]["limit"] = limit
    return canonical(found)


@pytest.fixture
def store() -> MemoryPolicies:
    return MemoryPolicies()


@pytest.fixture
def current(store: MemoryPolicies) -> CurrentPolicy:
    return CurrentPolicy(Policies(store), every_seconds=0.001)


async def refusal_of(asked: Awaitable[object]) -> Kind:
    with pytest.raises(Refusal) as refused:
        await asked
    return refused.value.kind


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.001)


async def test_a_process_without_a_current_policy_is_not_ready(current: CurrentPolicy):
    assert await refusal_of(current.check()) is Kind.UNKNOWN_POLICY
    assert await refusal_of(current.read()) is Kind.UNKNOWN_POLICY
    assert await refusal_of(current.check()) is Kind.UNKNOWN_POLICY
    with pytest.raises(Refusal, match="assay policy apply"):
        _ = current.pinned


async def test_a_change_reaches_a_running_process(store: MemoryPolicies, policy_document: bytes, policy: Policy):
    seen: list[PinnedPolicy] = []
    current = CurrentPolicy(Policies(store), changed=seen.append, every_seconds=0.001)
    async with current.followed():
        first = await apply_policy(store, policy_document)
        await eventually(lambda: len(seen) == 1)
        assert (current.pinned.hash, current.pinned.policy) == (first.hash, policy)
        second = await apply_policy(store, with_limit(policy_document, 77))
        await eventually(lambda: len(seen) == 2)
        assert current.pinned.policy.rate.limit == 77
        await store.make_current(first.hash)
        await eventually(lambda: len(seen) == 3)
    assert [found.hash for found in seen] == [first.hash, second.hash, first.hash]
    await current.check()


async def test_an_outage_of_the_store_keeps_the_policy_and_the_readiness(
    store: MemoryPolicies, current: CurrentPolicy, policy_document: bytes
):
    applied = await apply_policy(store, policy_document)
    await current.read()
    store.outage = AWAY
    assert await refusal_of(current.read()) is Kind.STORE_UNAVAILABLE
    assert current.pinned.hash == applied.hash
    await current.check()


@pytest.mark.parametrize("document", [b"{}", b'{"models":{}}', b"not JSON"])
async def test_a_policy_of_another_release_keeps_the_one_before_and_takes_the_readiness(
    store: MemoryPolicies, current: CurrentPolicy, policy_document: bytes, document: bytes
):
    applied = await apply_policy(store, policy_document)
    await current.read()
    await store.make_current(await store.put(document))
    assert await refusal_of(current.read()) is Kind.UNKNOWN_POLICY
    assert current.pinned.hash == applied.hash
    assert await refusal_of(current.check()) is Kind.UNKNOWN_POLICY
    await store.make_current(applied.hash)
    await current.read()
    await current.check()


async def test_a_policy_is_read_once_by_all_who_wait_for_it(store: MemoryPolicies, policy_document: bytes):
    policies = Policies(store)
    name = await store.put(policy_document)
    found = await asyncio.gather(*(policies.get(name) for _ in range(20)))
    assert store.reads == 1
    assert all(policy is found[0] for policy in found)


async def test_who_gives_up_waiting_ends_the_reading_for_nobody_else(store: MemoryPolicies, policy_document: bytes):
    policies = Policies(store)
    name = await store.put(policy_document)
    first, second = (asyncio.create_task(policies.get(name)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).rate.limit > 0
    assert first.cancelled()
    assert policies._reading == {}


async def test_a_reading_that_fails_is_tried_again(store: MemoryPolicies, policy_document: bytes):
    policies = Policies(store)
    name = await store.put(policy_document)
    store.outage = AWAY
    assert await refusal_of(policies.get(name)) is Kind.STORE_UNAVAILABLE
    store.outage = None
    assert (await policies.get(name)).rate.limit > 0


async def test_applying_a_policy_names_the_sections_that_change(store: MemoryPolicies, policy_document: bytes):
    first = await apply_policy(store, policy_document)
    assert (first.before, first.changed) == (None, True)
    assert {"limits", "models", "privacy", "rules/english"} <= set(first.sections)
    again = await apply_policy(store, policy_document)
    assert (again.changed, again.sections) == (False, ())
    changed = json.loads(with_limit(policy_document, 77))
    changed["rules"]["of-mine"] = changed["rules"].pop("english")
    second = await apply_policy(store, canonical(changed))
    assert (second.before, second.sections) == (first.hash, ("limits", "rules/english", "rules/of-mine"))
    assert changed_sections(policy_document, policy_document) == ()


async def test_a_policy_is_found_by_the_first_digits_of_its_hash(store: MemoryPolicies):
    assert await refusal_of(find_policy(store, None)) is Kind.UNKNOWN_POLICY
    found = [await store.put(b'{"number":%d}' % number) for number in range(2)]
    await store.make_current(found[1])
    assert await find_policy(store, None) == (found[1], b'{"number":1}')
    assert await find_policy(store, found[0][:8].upper()) == (found[0], b'{"number":0}')
    assert await refusal_of(find_policy(store, found[0][:7])) is Kind.INVALID_REQUEST
    assert await refusal_of(find_policy(store, "0" * 64)) is Kind.UNKNOWN_POLICY
