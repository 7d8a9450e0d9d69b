"""The product, other programs' clients in their own environment, and a door between them."""

import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.clients.door import Door
from tests.clients.program import ClientProgram, program_of
from tests.gateway import Gateway, running_gateway
from tests.paths import ROOT

NODE = ROOT / "tests/clients/node"


@pytest.fixture(scope="session")
def clients_python() -> Path:
    """The interpreter of the clients' environment, made from its lock if need be."""
    made = subprocess.run([ROOT / "scripts/setup", "clients"], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        said = f"the clients' environment can't be made: {made.stderr[-2000:]}"
        if os.environ.get("ASSAY_REQUIRE_CLIENTS"):
            pytest.fail(said)
        pytest.skip(said)
    return ROOT / ".venv-clients/bin/python"


@pytest.fixture(scope="package")
async def gateway(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    """The whole product on one machine, as ``assay up`` runs it."""
    async with running_gateway(tmp_path_factory.mktemp("gateway")) as running:
        yield running


@pytest.fixture(scope="package")
async def door(gateway: Gateway) -> AsyncIterator[Door]:
    """The proxy that clients connect to."""
    async with Door(gateway.settings.api.port) as door:
        yield door


@pytest.fixture(scope="package")
async def sdks(clients_python: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ClientProgram]:
    """The SDKs of OpenAI and Anthropic."""
    async with ClientProgram(program_of(clients_python, "sdks"), tmp_path_factory.mktemp("sdks")) as program:
        yield program


@pytest.fixture(scope="session")
def node() -> list[str]:
    """The command of the program for the Vercel AI SDK, with its locked packages."""
    place, required = ROOT / ".node-clients", bool(os.environ.get("ASSAY_REQUIRE_NODE"))
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            (pytest.fail if required else pytest.skip)(f"there is no {program}")
    place.mkdir(parents=True, exist_ok=True)
    lock, stamp = (NODE / "package-lock.json").read_text(), place / "installed"
    for name in ("package.json", "package-lock.json", "vercel.mjs"):
        shutil.copy(NODE / name, place / name)
    if not stamp.exists() or stamp.read_text() != lock:
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        made = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
        if made.returncode != 0:
            (pytest.fail if required else pytest.skip)(f"npm can't install the packages: {made.stderr[-2000:]}")
        stamp.write_text(lock)
    return ["node", str(place / "vercel.mjs")]


@pytest.fixture(scope="package")
async def vercel(node: list[str], tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ClientProgram]:
    """The Vercel AI SDK."""
    async with ClientProgram(node, tmp_path_factory.mktemp("vercel")) as program:
        yield program


@pytest.fixture(scope="package")
async def frameworks(clients_python: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ClientProgram]:
    """Frameworks above them."""
    async with ClientProgram(
        program_of(clients_python, "frameworks"), tmp_path_factory.mktemp("frameworks")
    ) as program:
        yield program
