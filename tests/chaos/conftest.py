"""A stack for the tests that break it: API and worker in processes of their own. All tests start when it serves."""

from collections.abc import AsyncIterator

import pytest

from config.settings import Settings
from embedded.process.child import ChildSpec
from embedded.servers.group import EmbeddedServers
from embedded.stack import serve_spec
from tests.chaos.faults import ready
from tests.gateway import Gateway, running_gateway
from tests.processes import with_worker

SLOTS = 16
"""Of each kind that the worker has: few, so that tests can fill them."""


def few_slots(servers: EmbeddedServers, settings: Settings, role: str) -> ChildSpec:
    slots = with_worker(settings, max_activities=SLOTS, max_local_activities=SLOTS)
    return serve_spec(servers, slots, role)


@pytest.fixture(scope="package")
async def broken_before(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    directory = tmp_path_factory.mktemp("chaos")
    async with running_gateway(directory, roles=("worker", "api"), long_prompts=True, serve=few_slots) as running:
        yield running


@pytest.fixture
async def breakable(broken_before: Gateway) -> AsyncIterator[Gateway]:
    """Whatever a test did to it, the next one finds it serving, and no model that hangs."""
    yield broken_before
    broken_before.provider.reset()
    for status in broken_before.servers.status():
        await broken_before.servers.until_ready(status.name)
    await ready(broken_before)
