"""The product for the tests that go through HTTP."""

from collections.abc import AsyncIterator

import pytest

from tests.gateway import Gateway, running_gateway


@pytest.fixture(scope="package")
async def gateway(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    """The whole product on one machine, as ``assay up`` runs it."""
    async with running_gateway(tmp_path_factory.mktemp("gateway")) as running:
        yield running
