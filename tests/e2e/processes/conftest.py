"""Servers for the tests that start and end Assay's own processes."""

from collections.abc import AsyncIterator

import pytest

from tests.gateway import Gateway, running_gateway


@pytest.fixture(scope="package")
async def bare(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    """The servers, and none of Assay's own processes."""
    async with running_gateway(tmp_path_factory.mktemp("bare"), roles=()) as running:
        yield running
