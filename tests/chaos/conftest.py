"""A stack of its own for the tests that break it: API and worker in processes of their own."""

from collections.abc import AsyncIterator

import pytest

from tests.gateway import Gateway, running_gateway


@pytest.fixture(scope="module")
async def breakable(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    directory = tmp_path_factory.mktemp("chaos")
    async with running_gateway(directory, roles=("worker", "api"), long_prompts=True) as running:
        yield running
