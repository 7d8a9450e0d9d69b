"""docs/upgrade.md, step by step: runs that wait for their models while another build of the worker takes over."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType

import embedded.servers.temporal
from embedded.process.child import ChildSpec
from tests.doubles.keys import FixedKeyRing
from tests.fakes.behaviours import Hang, answer
from tests.gateway import Gateway, eventually, running_gateway
from tests.processes import serving, worker_of

pytestmark = pytest.mark.long

BODY = {"model": "fake", "prompt": "Hello"}
DEPLOYMENT = ("--deployment-name", "assay")
# A server takes minutes to call a build drained, lest it miss a run that has just begun. Here nothing begins.
_DRAINAGE = ("VisibilityGracePeriod", "RefreshInterval")
SOON = tuple(f'matching.wv.VersionDrainageStatus{name}="1s"' for name in _DRAINAGE)


@pytest.fixture(scope="module")
async def upgrading(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    """The API without a worker."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embedded.servers.temporal, "_DYNAMIC_CONFIG", (*embedded.servers.temporal._DYNAMIC_CONFIG, *SOON))
        async with running_gateway(tmp_path_factory.mktemp("upgrades"), roles=("api",)) as running:
            yield running


def versioned(gateway: Gateway, versioning: str, build: str) -> ChildSpec:
    """A worker of a build. It waits a second for calls under way when it stops; none of those here would end."""
    return worker_of(gateway, versioning=versioning, build_id=build, graceful_shutdown_seconds=1.0)


async def promote(gateway: Gateway, build: str) -> None:
    """As an operator does, once the build's workers poll."""

    async def promoted() -> bool:
        command = ("worker", "deployment", "set-current-version", *DEPLOYMENT, "--build-id", build, "--yes")
        return gateway.temporal_cli(*command).returncode == 0

    await eventually(promoted, 30)


async def until_drained(gateway: Gateway, build: str) -> None:
    async def drained() -> bool:
        command = ("worker", "deployment", "describe-version", *DEPLOYMENT, "--build-id", build, "-o", "json")
        return (
            json.loads(gateway.temporal_cli(*command).stdout).get("drainageInfo", {}).get("drainageStatus") == "drained"
        )

    await eventually(drained, 60)


def running_on(gateway: Gateway, build: str) -> int:
    """Runs that a build has still to end."""
    query = f"TemporalWorkerDeploymentVersion = 'assay:{build}' AND ExecutionStatus = 'Running'"
    found = gateway.temporal_cli("workflow", "count", "--query", query, "-o", "json")
    return int(json.loads(found.stdout).get("count", 0))


async def builds_of(gateway: Gateway, run_id: str) -> list[str]:
    """The builds that worked on a run, each time that it changed."""
    client = await gateway.temporal(FixedKeyRing())
    builds: list[str] = []
    async for event in client.get_workflow_handle(run_id).fetch_history_events():
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
            build = event.workflow_task_completed_event_attributes.deployment_version.build_id
            builds += [build] if builds[-1:] != [build] else []
    return builds


async def waiting_run(gateway: Gateway, *behaviours: Any) -> str:
    """A run whose model was asked and has not answered."""
    received = gateway.provider.stats.received
    gateway.provider.script(*behaviours)
    accepted = await gateway.post(BODY, headers={"Prefer": "respond-async"})
    await gateway.provider.until(lambda stats: stats.received > received, 30)
    return accepted.json()["id"]


async def ended_once(gateway: Gateway, run_id: str, content: str) -> int:
    """Wait for the run's end; what it was charged, with attempts whose worker stopped."""
    ended = await gateway.until_ended(run_id)
    assert ended["result"]["content"] == content, ended
    completed, admitted = await gateway.records(run_id)
    assert [completed["kind"], admitted["kind"]] == ["completed", "admitted"]
    return ended["usage"]["total_tokens"] + completed["fields"].get("attempts_lost_tokens", 0)


async def test_pinned_runs_end_on_the_build_they_began_on(upgrading: Gateway, tmp_path: Path):
    used, reserved = await upgrading.budget("acme")
    async with (
        serving(versioned(upgrading, "pinned", "1.0"), tmp_path / "old") as old,
        serving(versioned(upgrading, "pinned", "2.0"), tmp_path / "new") as new,
    ):
        await promote(upgrading, "1.0")
        first = await waiting_run(upgrading, Hang(answer("begun on the old build")))
        await promote(upgrading, "2.0")
        second = (await upgrading.post(BODY, headers={"Prefer": "wait=50"})).json()
        assert second["status"] == "completed"
        assert await builds_of(upgrading, second["id"]) == ["2.0"]
        await eventually_count(upgrading, "1.0", 1)
        upgrading.provider.release()
        charged = await ended_once(upgrading, first, "begun on the old build")
        assert await builds_of(upgrading, first) == ["1.0"]
        await until_drained(upgrading, "1.0")
        await eventually_count(upgrading, "1.0", 0)
        assert await old.stop() == 0
        third = (await upgrading.post(BODY, headers={"Prefer": "wait=50"})).json()
        assert third["status"] == "completed"
        assert await new.stop() == 0
    tokens = charged + second["usage"]["total_tokens"] + third["usage"]["total_tokens"]
    assert await upgrading.budget("acme") == (used + tokens, reserved)


async def eventually_count(gateway: Gateway, build: str, count: int) -> None:
    async def counted() -> bool:
        return running_on(gateway, build) == count

    await eventually(counted, 20)


async def test_runs_that_upgrade_by_themselves_are_taken_over(upgrading: Gateway, tmp_path: Path):
    used, reserved = await upgrading.budget("acme")
    async with serving(versioned(upgrading, "auto_upgrade", "3.0"), tmp_path / "old") as old:
        await promote(upgrading, "3.0")
        run = await waiting_run(upgrading, Hang(answer("never heard")), answer("from the new build"))
        async with serving(versioned(upgrading, "auto_upgrade", "4.0"), tmp_path / "new") as new:
            await promote(upgrading, "4.0")
            assert await old.stop() == 0
            charged = await ended_once(upgrading, run, "from the new build")
            assert await builds_of(upgrading, run) == ["3.0", "4.0"]
            assert await new.stop() == 0
    assert await upgrading.budget("acme") == (used + charged, reserved)


async def test_a_pinned_run_whose_workers_are_gone_is_moved_by_hand(upgrading: Gateway, tmp_path: Path):
    async with serving(versioned(upgrading, "pinned", "5.0"), tmp_path / "old") as old:
        await promote(upgrading, "5.0")
        run = await waiting_run(upgrading, Hang(answer("never heard")))
        await old.kill()
    async with serving(versioned(upgrading, "pinned", "6.0"), tmp_path / "new") as new:
        await promote(upgrading, "6.0")
        other = await upgrading.post(BODY, headers={"Prefer": "wait=50"})
        assert other.json()["status"] == "completed"
        assert (await upgrading.run(run))["status"] == "running"
        upgrading.provider.script(answer("from the new build"))
        query = "TemporalWorkerDeploymentVersion = 'assay:5.0' AND ExecutionStatus = 'Running'"
        behaviour = ("--versioning-override-behavior", "auto_upgrade")
        moved = upgrading.temporal_cli("workflow", "update-options", "--query", query, *behaviour, "--yes")
        assert moved.returncode == 0, moved.stderr
        await ended_once(upgrading, run, "from the new build")
        assert await builds_of(upgrading, run) == ["5.0", "6.0"]
        assert await new.stop() == 0


async def test_workers_without_versions_give_way_to_versions_and_back(upgrading: Gateway, tmp_path: Path):
    """The first upgrade of a namespace whose workers had no versions, and the way back."""
    unset = ("worker", "deployment", "set-current-version", *DEPLOYMENT, "--unversioned", "--yes")
    assert upgrading.temporal_cli(*unset).returncode == 0
    async with serving(worker_of(upgrading, graceful_shutdown_seconds=1.0), tmp_path / "old") as old:
        run = await waiting_run(upgrading, Hang(answer("never heard")), answer("from the first version"))
        async with serving(versioned(upgrading, "pinned", "7.0"), tmp_path / "new") as new:
            await promote(upgrading, "7.0")
            assert await old.stop() == 0
            await ended_once(upgrading, run, "from the first version")
            assert await builds_of(upgrading, run) == ["", "7.0"]
            assert upgrading.temporal_cli(*unset).returncode == 0
            assert await new.stop() == 0
    async with serving(worker_of(upgrading, graceful_shutdown_seconds=1.0), tmp_path / "back"):
        assert (await upgrading.post(BODY, headers={"Prefer": "wait=50"})).json()["status"] == "completed"
