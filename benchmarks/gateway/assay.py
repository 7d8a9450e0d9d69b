"""Assay with everything on, as ``assay up`` runs it: the real servers, and one process with every role, over HTTP.

Authentication, rate, quota, screening, encrypted history and the audit record before the reply are not switched off;
only the limits are wide enough not to be met.
"""

import json
import math
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from adapters.gateway_http import GatewayClient
from adapters.vault_setup import create_tenant
from benchmarks.gateway.children import pid_of
from benchmarks.gateway.guard import require_guard
from benchmarks.gateway.helper import ROOT
from benchmarks.gateway.history import history_of
from benchmarks.gateway.prompts import PROMPT
from benchmarks.gateway.subjects import Bench, Load, Measured, job, post
from config.settings import ApiSettings, EmbeddedSettings, Settings
from domain.principals import Role
from embedded.bootstrap import ensure_client, operator_session
from embedded.child import ChildSpec
from embedded.places import local_settings, places
from embedded.ports import unused_ports
from embedded.servers import EmbeddedServers
from embedded.stack import serve_spec, servers_of

TENANT = "bench"
CLIENT = "bench-app"
_TOKEN_SECONDS = 200.0  # they are good for 900; a window is far shorter than what is left
_PORTS = ("postgres_port", "vault_port", "vault_cluster_port", "temporal_port", "temporal_ui_port", "model_port")


def write_policies(target: Path) -> None:
    """The shipped policies with the fake model, and limits that nobody meets."""
    shutil.copytree(ROOT / "policies", target)
    limits = _yaml(target / "limits.yaml")
    limits["rate"] = {"limit": 1_000_000, "window_seconds": 60}
    limits["quota"] = {"tokens_per_day": 1_000_000_000_000}
    (target / "limits.yaml").write_text(yaml.safe_dump(limits))
    models = _yaml(target / "models.yaml")
    fake = {**models["models"][0], "alias": "fake", "provider": "fake", "upstream": "fake", "fallbacks": []}
    models["models"].append({**fake, "base_url": "http://127.0.0.1:1/v1", "context_tokens": 32000})
    (target / "models.yaml").write_text(yaml.safe_dump(models))


def _yaml(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text())
    return found


def settings_for(directory: Path, model_url: str) -> Settings:
    """A stack of its own below ``directory``, on free ports."""
    *ports, api_port = unused_ports(len(_PORTS) + 1)
    policies = directory / "policies"
    write_policies(policies)
    embedded = EmbeddedSettings.model_validate(
        {"data_dir": directory / "data", **dict(zip(_PORTS, ports, strict=True))}
    )
    urls = {"local": f"http://127.0.0.1:{embedded.model_port}/v1", "fake": model_url}
    return Settings(embedded=embedded, api=ApiSettings(port=api_port), policies_dir=policies, provider_urls=urls)


class AssayStack:
    """The embedded servers and Assay's own process beside them. Several subjects may share it."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._servers: EmbeddedServers | None = None
        self.settings: Settings | None = None

    @property
    def servers(self) -> EmbeddedServers:
        """The servers, once started."""
        if self._servers is None:
            raise RuntimeError("the stack was not started")
        return self._servers

    async def start(self) -> Settings:
        """Start the servers unless they run; give their settings."""
        if self.settings is None:
            directory = self._bench.root / "assay"
            directory.mkdir()
            settings = settings_for(directory, self._bench.model_url)
            self._servers = await self._bench.stack.enter_async_context(servers_of(settings))
            await _add_client(settings)
            self.settings = settings
        return self.settings


async def _add_client(settings: Settings) -> None:
    local = local_settings(settings)
    async with operator_session(local) as session:
        await session.call(lambda client: create_tenant(client, TENANT))
        await ensure_client(session, local, places(settings), CLIENT, TENANT, (Role.AI_OPERATOR,))


class Assay:
    """Assay's processes over the shared servers: one with every role, or one a role."""

    share = 1.0

    def __init__(self, bench: Bench, stack: AssayStack, name: str = "assay", roles: Sequence[str] = ("all",)) -> None:
        self.name = name
        self._bench = bench
        self._stack = stack
        self._roles = roles
        self._specs: list[ChildSpec] = []
        self._settings: Settings | None = None
        self._token = ("", -math.inf)

    async def start(self) -> None:
        """Start the stack, and Assay's processes with a task queue and a port of their own."""
        shared = local_settings(await self._stack.start())
        queue = shared.temporal.model_copy(update={"task_queue": self.name})
        [port] = unused_ports(1)
        api = shared.api.model_copy(update={"port": port})
        self._settings = shared.model_copy(update={"temporal": queue, "api": api})
        self._specs = [self.spec(role) for role in self._roles]
        for spec in self._specs:
            await self._stack.servers.add(spec)
        await require_guard(await self.target(), PROMPT)

    def spec(self, role: str) -> ChildSpec:
        """The process of a role."""
        return serve_spec(self._stack.servers, self.settings, role)

    @property
    def settings(self) -> Settings:
        """The settings of its processes."""
        if self._settings is None:
            raise RuntimeError("not started")
        return self._settings

    async def target(self) -> dict[str, Any]:
        """What the load generator sends."""
        if time.monotonic() - self._token[1] > _TOKEN_SECONDS:
            self._token = (await self._new_token(), time.monotonic())
        holds = ("result.content", "receipt.statement")
        bearer = {"Authorization": f"Bearer {self._token[0]}"}
        body = {"model": "fake", "prompt": PROMPT}
        return post(self.settings.api.port, "/v1/inferences", body, holds=holds, headers=bearer)

    async def _new_token(self) -> str:
        credentials = json.loads(places(self.settings).client(CLIENT).read_text())
        async with GatewayClient(f"http://127.0.0.1:{self.settings.api.port}") as client:
            return await client.token(credentials["client_id"], credentials["client_secret"])

    async def run(self, load: Load) -> Measured:
        """See ``Subject``."""
        return await self._bench.generator.ask(target=await self.target(), **job(load))

    def processes(self) -> Mapping[str, Sequence[int]]:
        """See ``Subject``. The local model server runs beside it, as in ``assay up``, without work."""
        servers = self._stack.servers
        return {
            "ours": [pid_of(servers, spec.name) for spec in self._specs],
            "temporal": [pid_of(servers, "temporal")],
            "postgresql": [pid_of(servers, "postgres")],
            "openbao": [pid_of(servers, "openbao")],
        }

    async def facts(self) -> Mapping[str, Any]:
        """See ``Subject``."""
        temporal = self.settings.temporal
        return {"history": await history_of(temporal.address, temporal.namespace, temporal.task_queue)}
