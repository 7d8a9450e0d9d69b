"""Fixtures that several folders share."""

from collections.abc import AsyncIterator

import hypothesis
import pytest

from tests.gateway import Gateway, running_gateway

# A machine that is busy with other tests is slow now and then: that is no finding of a property.
hypothesis.settings.register_profile("assay", deadline=None)
hypothesis.settings.load_profile("assay")


@pytest.fixture(scope="session")
async def gateway(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    """The whole product on one machine, as ``assay up`` runs it."""
    async with running_gateway(tmp_path_factory.mktemp("gateway")) as running:
        yield running
