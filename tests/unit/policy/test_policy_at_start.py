"""A start of the single-machine stack applies its policy files only if it must."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.up import about_policy
from config.settings import Settings
from domain.records.records import canonical
from embedded.policy import ensure_in
from embedded.process.errors import EmbeddedError
from tests.doubles.stores import MemoryPolicies
from tests.unit.conftest import POLICIES

LOCAL = "http://127.0.0.1:9/v1"


@pytest.fixture
def store() -> MemoryPolicies:
    return MemoryPolicies()


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., Settings]:
    directory = Path(shutil.copytree(POLICIES, tmp_path / "policies"))
    return lambda url=LOCAL: Settings(policies_dir=directory, provider_urls={"local": url})


def spoil(settings: Settings, text: str) -> None:
    (settings.policies_dir / "limits.yaml").write_text(text)


def edited(settings: Settings) -> str:
    limits = (settings.policies_dir / "limits.yaml").read_text()
    assert "limit: 60" in limits
    return limits.replace("limit: 60", "limit: 61", 1)


async def test_the_first_start_applies_the_files(store: MemoryPolicies, settings: Callable[..., Settings]) -> None:
    first = await ensure_in(store, settings())
    assert first.hash == await store.current()
    assert first.applied is not None
    assert first.applied.before is None
    assert about_policy(first, settings()) is None
    again = await ensure_in(store, settings())
    assert (again.hash, again.applied, again.differs) == (first.hash, None, ())
    assert len(await store.stored()) == 1


async def test_edited_files_change_nothing_and_are_remarked_upon(
    store: MemoryPolicies, settings: Callable[..., Settings]
) -> None:
    first = await ensure_in(store, settings())
    spoil(settings(), edited(settings()))
    second = await ensure_in(store, settings())
    assert (second.hash, second.applied, second.differs, await store.current()) == (
        *(first.hash, None, ("limits",), first.hash),
    )
    remark = about_policy(second, settings())
    assert remark is not None
    assert "limits" in remark
    assert remark.endswith("assay policy apply")


async def test_files_that_are_not_valid_stop_the_first_start_alone(
    store: MemoryPolicies, settings: Callable[..., Settings]
) -> None:
    valid = (settings().policies_dir / "limits.yaml").read_text()
    spoil(settings(), "rate: none")
    with pytest.raises(EmbeddedError, match=r"limits\.yaml"):
        await ensure_in(store, settings())
    assert await store.current() is None
    spoil(settings(), valid)
    first = await ensure_in(store, settings())
    spoil(settings(), "rate: none")
    second = await ensure_in(store, settings())
    assert second.hash == await store.current() == first.hash
    assert "limits.yaml" in str(about_policy(second, settings()))


async def test_a_model_at_another_port_moves_in_the_current_policy(
    store: MemoryPolicies, settings: Callable[..., Settings]
) -> None:
    first = await ensure_in(store, settings())
    spoil(settings(), edited(settings()))
    moved = await ensure_in(store, settings("http://127.0.0.1:10/v1"))
    assert moved.applied is not None
    assert (moved.applied.before, moved.applied.sections, moved.differs) == (first.hash, ("models",), ("limits",))
    document = json.loads(await store.get(moved.hash) or b"")
    assert document["models"]["models"][0]["base_url"] == "http://127.0.0.1:10/v1"
    assert document["limits"]["rate"]["limit"] == 60


@pytest.mark.parametrize("left_out", ["screening", "limits"])
async def test_a_policy_that_this_release_can_t_read_gives_way_to_the_files(
    store: MemoryPolicies, settings: Callable[..., Settings], policy_document: bytes, left_out: str
) -> None:
    old = json.loads(policy_document)
    del old[left_out]
    await store.make_current(await store.put(canonical(old)))
    before = await store.current()
    started = await ensure_in(store, settings())
    assert started.applied is not None
    assert started.applied.before == before
    assert left_out in started.applied.sections
    assert started.hash == await store.current() != before
    assert "is current now" in str(about_policy(started, settings()))
