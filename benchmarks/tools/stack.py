"""A running Assay for benchmarks: the embedded servers, a tenant with one client, policies with a fake model."""

import json
import shutil
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import yaml

from adapters.http.gateway_client import GatewayClient
from adapters.vault.setup.setup import create_tenant
from benchmarks.tools.helper import ROOT
from config.settings import ApiSettings, EmbeddedSettings, Settings
from domain.access.principals import Role
from embedded.bootstrap import bootstrap
from embedded.operator_access import ensure_client, operator_session
from embedded.places import local_settings, places
from embedded.process.files import write_private
from embedded.process.ports import unused_ports
from embedded.servers.group import EmbeddedServers
from embedded.stack import servers_of

TENANT = "bench"
CLIENT = "bench-app"
_PORTS = ("postgres_port", "vault_port", "vault_cluster_port", "temporal_port", "temporal_ui_port", "model_port")


def write_policies(target: Path) -> None:
    """Write the shipped policies with the fake model, and limits that are never reached."""
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
    """Return settings of a separate stack below ``directory``, on free ports, with the model at ``model_url``."""
    *ports, api_port = unused_ports(len(_PORTS) + 1)
    policies = directory / "policies"
    write_policies(policies)
    wanted = {"data_dir": directory / "data", **dict(zip(_PORTS, ports, strict=True))}
    embedded = EmbeddedSettings.model_validate(wanted)
    urls = {"local": f"http://127.0.0.1:{embedded.model_port}/v1", "fake": model_url}
    return Settings(embedded=embedded, api=ApiSettings(port=api_port), policies_dir=policies, provider_urls=urls)


class AssayStack:
    """The servers, started on first use; ``stack`` stops them. Assay's own processes are added to them."""

    def __init__(self, directory: Path, model_url: str, stack: AsyncExitStack) -> None:
        self._directory = directory
        self._model_url = model_url
        self._stack = stack
        self._servers: EmbeddedServers | None = None
        self._settings: Settings | None = None

    @property
    def servers(self) -> EmbeddedServers:
        """Return the servers, once started."""
        if self._servers is None:
            raise RuntimeError("the stack was not started")
        return self._servers

    async def start(self) -> Settings:
        """Start the servers unless they run; return the settings for them."""
        if self._settings is None:
            self._directory.mkdir(parents=True)
            settings = settings_for(self._directory, self._model_url)
            self._servers = await self._stack.enter_async_context(servers_of(settings))
            await _add_client(settings)
            self._settings = local_settings(settings)
        return self._settings


async def _add_client(settings: Settings) -> None:
    local = local_settings(settings)
    async with operator_session(local) as session:
        await session.call(lambda client: create_tenant(client, TENANT))
        await ensure_client(session, local, places(settings), CLIENT, TENANT, (Role.AI_OPERATOR,))


async def new_token(settings: Settings) -> str:
    """Return an access token of the client, from the API of ``settings``."""
    credentials = json.loads(places(settings).client(CLIENT).read_text())
    async with GatewayClient(f"http://127.0.0.1:{settings.api.port}") as client:
        return await client.token(credentials["client_id"], credentials["client_secret"])


async def free_stack(directory: Path, stack: AsyncExitStack) -> tuple[Settings, EmbeddedServers]:
    """Start PostgreSQL and OpenBao alone, set up, below ``directory``, on free ports; ``stack`` stops them."""
    postgres_port, vault_port, cluster_port = unused_ports(3)
    embedded = EmbeddedSettings(
        data_dir=directory, postgres_port=postgres_port, vault_port=vault_port, vault_cluster_port=cluster_port
    )
    settings = Settings(embedded=embedded)

    async def set_up(servers: EmbeddedServers) -> None:
        write_private(servers.layout.secrets / "model_api_key", b"there is no model")
        await bootstrap(servers, settings)

    servers = EmbeddedServers(settings, bootstrap=set_up, only={"postgres", "openbao"})
    await stack.enter_async_context(servers)
    return settings, servers
