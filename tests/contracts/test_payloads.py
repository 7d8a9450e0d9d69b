"""The contract of the store for large payloads."""

import asyncio
import hashlib
import secrets
from datetime import timedelta

import pytest

from domain.inference.ports import PayloadStore
from domain.refusals import Kind, Refusal

AGE = timedelta(days=11)


@pytest.fixture
def workflow() -> str:
    """Return a new workflow ID."""
    return f"inf.acme.{secrets.token_hex(16)}"


@pytest.mark.parametrize("size", [0, 1, 300_000, 3_000_000])
async def test_a_content_is_found_by_its_hash(payloads: PayloadStore, workflow: str, size: int) -> None:
    content = secrets.token_bytes(size)
    digest = await payloads.put("acme", workflow, content)
    assert digest == hashlib.sha256(content).digest()
    assert await payloads.get(digest) == content


@pytest.mark.parametrize("digest", [bytes(32), b"", b"short"])
async def test_an_unknown_content_is_none(payloads: PayloadStore, digest: bytes) -> None:
    assert await payloads.get(digest) is None


async def test_the_same_content_at_once_is_kept_once(payloads: PayloadStore, workflow: str) -> None:
    content = secrets.token_bytes(1000)
    digests = await asyncio.gather(*(payloads.put("acme", workflow, content) for _ in range(20)))
    assert set(digests) == {hashlib.sha256(content).digest()}
    await payloads.age(workflow, AGE * 2)
    assert await payloads.purge(AGE, [workflow]) == 1


async def test_only_what_is_old_and_of_these_workflows_is_removed(payloads: PayloadStore, workflow: str) -> None:
    old, other = await payloads.put("acme", workflow, b"old" + workflow.encode()), f"{workflow}-other"
    others = await payloads.put("acme", other, b"others" + workflow.encode())
    await payloads.age(workflow, AGE + timedelta(minutes=1))
    await payloads.age(other, AGE + timedelta(minutes=1))
    young = await payloads.put("acme", workflow, b"young" + workflow.encode())
    assert await payloads.purge(AGE, []) == 0
    assert await payloads.purge(AGE, [workflow, "nobody's"]) == 1
    assert await payloads.get(old) is None
    assert await payloads.get(others) is not None
    assert await payloads.get(young) is not None
    assert await payloads.purge(AGE, [workflow]) == 0


async def test_an_age_is_an_age_to_the_minute(payloads: PayloadStore, workflow: str) -> None:
    await payloads.put("acme", workflow, workflow.encode())
    await payloads.age(workflow, AGE - timedelta(minutes=1))
    assert workflow not in await payloads.old_workflows(AGE, "", 1000)
    assert await payloads.purge(AGE, [workflow]) == 0
    await payloads.age(workflow, timedelta(minutes=2))
    assert workflow in await payloads.old_workflows(AGE, "", 1000)


async def test_a_content_that_is_stored_again_is_young_again(payloads: PayloadStore, workflow: str) -> None:
    digest = await payloads.put("acme", workflow, workflow.encode())
    await payloads.age(workflow, AGE * 2)
    assert await payloads.put("acme", workflow, workflow.encode()) == digest
    assert await payloads.purge(AGE, [workflow]) == 0
    assert await payloads.get(digest) is not None


async def test_workflows_with_old_contents_come_page_by_page(payloads: PayloadStore, workflow: str) -> None:
    expected = [f"{workflow}-{number}" for number in range(5)]
    for name in reversed(expected):
        for part in ("a", "b"):
            await payloads.put("acme", name, f"{name} {part}".encode())
        await payloads.age(name, AGE * 2)
    first = await payloads.old_workflows(AGE, workflow, 3)
    assert first == expected[:3]
    assert (await payloads.old_workflows(AGE, first[-1], 2)) == expected[3:]


async def test_contents_of_runs_that_may_be_open_are_out_of_reach(payloads: PayloadStore, workflow: str) -> None:
    digest = await payloads.put("acme", workflow, workflow.encode())
    await payloads.age(workflow, timedelta(days=3))
    for age in (timedelta(0), timedelta(days=3, hours=23), timedelta(days=-1)):
        with pytest.raises(Refusal) as refused:
            await payloads.purge(age, [workflow])
        assert refused.value.kind is Kind.INTERNAL
        with pytest.raises(Refusal):
            await payloads.old_workflows(age, "", 1)
    assert await payloads.get(digest) is not None
