"""Fixtures for the embedded servers: a data directory and ports of its own for each."""

import json
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from config.settings import EmbeddedSettings, Settings
from embedded.process.ports import unused_ports
from embedded.servers.group import EmbeddedServers

MakeSettings = Callable[[Path], Settings]


def make_settings_for(data_dir: Path) -> Settings:
    ports = unused_ports(6)
    names = ("postgres_port", "vault_port", "vault_cluster_port", "temporal_port", "temporal_ui_port", "model_port")
    embedded = EmbeddedSettings(data_dir=data_dir, model_threads=1, **dict(zip(names, ports, strict=True)))
    return Settings(embedded=embedded, retention_days=11)


@pytest.fixture(scope="session")
def make_settings() -> MakeSettings:
    return make_settings_for


@pytest.fixture(scope="module")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedServers]:
    async with EmbeddedServers(make_settings_for(tmp_path_factory.mktemp("stack"))) as running:
        yield running


@pytest.fixture(scope="session")
def supervisor_command() -> Callable[[Settings], list[str]]:
    """The command line of a supervisor in a process of its own."""
    script = Path(__file__).with_name("supervise.py")
    return lambda settings: [sys.executable, str(script), json.dumps(settings.embedded.model_dump(mode="json"))]


@pytest.fixture(scope="session")
def processes_of() -> Callable[[EmbeddedServers], dict[str, psutil.Process]]:
    return lambda running: {s.name: psutil.Process(s.pid) for s in running.status() if s.pid is not None}
