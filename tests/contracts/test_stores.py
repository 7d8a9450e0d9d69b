"""The contracts of rates, policies and clients."""

import asyncio
import hashlib
from dataclasses import replace

import pytest

from domain.access.clients import ClientEntry
from domain.access.ports import ClientDirectory
from domain.budgets.ports import RateLimiter
from domain.budgets.values import Rate
from domain.policy.ports import PolicyChanges
from domain.refusals import Refusal


async def test_all_of_a_rate_may_come_at_once_and_no_more(rates: RateLimiter, caller: str) -> None:
    rate = Rate(limit=10, window_seconds=3600)
    decisions = await asyncio.gather(*(rates.take("acme", caller, rate) for _ in range(30)))
    allowed = [decision for decision in decisions if decision.allowed]
    assert len(allowed) == 10
    assert sorted(decision.remaining for decision in allowed) == list(range(10))
    assert all(decision.retry_after == 0 for decision in allowed)
    for decision in decisions:
        if not decision.allowed:
            assert 0 < decision.retry_after <= 360
            assert decision.remaining == 0
        assert 0 < decision.reset_after <= 3600


async def test_a_refused_request_spends_nothing(rates: RateLimiter, caller: str) -> None:
    rate = Rate(limit=1, window_seconds=3600)
    await rates.take("acme", caller, rate)
    first = await rates.take("acme", caller, rate)
    for _ in range(5):
        last = await rates.take("acme", caller, rate)
    assert last.retry_after <= first.retry_after


async def test_a_rate_comes_back(rates: RateLimiter, caller: str) -> None:
    rate = Rate(limit=20, window_seconds=1)
    for _ in range(20):
        await rates.take("acme", caller, rate)
    async with asyncio.timeout(10):
        while not (await rates.take("acme", caller, rate)).allowed:
            await asyncio.sleep(0.01)


async def test_callers_and_tenants_have_rates_of_their_own(rates: RateLimiter, caller: str) -> None:
    rate = Rate(limit=1, window_seconds=3600)
    names = [("acme", caller), ("globex", caller), ("acme", f"{caller}x")]
    assert [(await rates.take(*name, rate)).allowed for name in names * 2] == [True] * 3 + [False] * 3


async def test_a_policy_is_found_by_its_hash(policies: PolicyChanges) -> None:
    document = b'{"name":"' + "pol\u00edtica \u0000".encode() + b'"}'
    name = await policies.put(document)
    assert name == hashlib.sha256(document).hexdigest()
    assert await policies.put(document) == name
    assert await policies.get(name) == document


@pytest.mark.parametrize("name", ["0" * 64, "", "'; DROP TABLE assay.policy; --"])
async def test_an_unknown_policy_is_none(policies: PolicyChanges, name: str) -> None:
    assert await policies.get(name) is None


async def test_the_policy_made_current_last_is_current_also_when_it_is_an_old_one(policies: PolicyChanges) -> None:
    old, new = [await policies.put(b'{"number":%d}' % number) for number in (1, 2)]
    await policies.make_current(old)
    for name, before in ((new, old), (new, new), (old, new)):
        assert await policies.make_current(name) == before
        assert await policies.current() == name


async def test_policies_are_listed_by_when_they_were_current_last(policies: PolicyChanges) -> None:
    old, new, never = [await policies.put(b'{"listed":%d}' % number) for number in (1, 2, 3)]
    for name in (old, new, old):
        await policies.make_current(name)
    found = [policy for policy in await policies.stored() if policy.hash in (old, new, never)]
    assert [policy.hash for policy in found] == [old, new, never]
    assert [policy.current for policy in found] == [True, False, False]
    assert found[0].current_since is not None
    assert found[1].current_since is not None
    assert found[0].current_since > found[1].current_since
    assert all(policy.login and policy.login.startswith("v-") for policy in found[:2])
    assert (found[2].current_since, found[2].login) == (None, None)


ENTRY = ClientEntry(
    client_id="client-1",
    tenant="acme",
    subject="urn:someone",
    roles=("ai_operator", "auditor"),
    secret_hash="ab" * 32,
    created_at="2026-03-01T12:00:00+00:00",
)


async def test_clients_are_kept_replaced_and_listed(directory: ClientDirectory) -> None:
    assert await directory.get("client-1") is None
    await directory.put(ENTRY)
    await directory.put(replace(ENTRY, client_id="client-0", roles=()))
    assert await directory.get("client-1") == ENTRY
    await directory.put(replace(ENTRY, revoked=True))
    assert (await directory.get("client-1")) == replace(ENTRY, revoked=True)
    assert [entry.client_id for entry in await directory.list()] == ["client-0", "client-1"]


@pytest.mark.parametrize("name", ["nobody", "", "../identity", "a/b", "client-1 "])
async def test_unknown_clients_are_none(directory: ClientDirectory, name: str) -> None:
    assert await directory.get(name) is None


async def test_a_client_without_a_proper_name_or_tenant_is_refused(directory: ClientDirectory) -> None:
    for entry in (replace(ENTRY, client_id="../x"), replace(ENTRY, tenant="system"), replace(ENTRY, tenant="A b")):
        with pytest.raises(Refusal):
            await directory.put(entry)
