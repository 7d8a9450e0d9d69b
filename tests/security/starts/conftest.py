"""Temporal's own server, and a worker over stores in memory."""

from collections.abc import AsyncIterator

import pytest

from config.settings import Settings
from tests.replay.bench import RecordingBench, bench_on, dev_server


@pytest.fixture(scope="package")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Settings]:
    async with dev_server(tmp_path_factory.mktemp("starts")) as settings:
        yield settings


@pytest.fixture(scope="package")
async def bench(server: Settings, tmp_path_factory: pytest.TempPathFactory) -> RecordingBench:
    return await bench_on(server, tmp_path_factory.mktemp("policies"))
