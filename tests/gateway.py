"""The whole product for tests that go through HTTP: real servers, a scriptable model beside the real one."""

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import yaml
from temporalio.client import Client

from adapters.temporal.client import TemporalConnection
from adapters.vault.setup.setup import create_tenant
from cli.wiring.records_search import recent_records
from config.settings import ApiSettings, EmbeddedSettings, Settings, WorkerSettings
from domain.access.principals import Role
from embedded.operator_access import ensure_client, operator_session
from embedded.places import local_settings, places
from embedded.process.child import ChildSpec
from embedded.process.ports import unused_ports
from embedded.servers.group import EmbeddedServers
from embedded.stack import serve_spec, servers_of
from tests.fakes.provider import FakeProvider
from tests.paths import ROOT

TENANTS = ("acme", "globex", "poor", "hasty")
CLIENTS: dict[str, tuple[str, tuple[Role, ...]]] = {
    "acme-app": ("acme", (Role.AI_OPERATOR,)),
    "acme-other": ("acme", (Role.AI_OPERATOR,)),
    "acme-auditor": ("acme", (Role.AUDITOR,)),
    "acme-admin": ("acme", (Role.ADMIN,)),
    "acme-nobody": ("acme", ()),
    "globex-app": ("globex", (Role.AI_OPERATOR,)),
    "globex-auditor": ("globex", (Role.AUDITOR,)),
    "poor-app": ("poor", (Role.AI_OPERATOR,)),
    "hasty-app": ("hasty", (Role.AI_OPERATOR,)),
}
ANSWER_TOKENS = 30
HASTY_LIMIT = 3
POOR_TOKENS = 200
LONG_CHARS = 600_000
Serve = Callable[[EmbeddedServers, Settings, str], ChildSpec]


def write_policies(target: Path, *, long_prompts: bool = False) -> None:
    """The shipped policies, with the scriptable provider's models, and limits too high to be reached.

    ``long_prompts`` lets a prompt be as long as a body may be.
    """
    shutil.copytree(ROOT / "policies", target)
    limits = yaml.safe_load((target / "limits.yaml").read_text())
    limits["rate"] = {"limit": 100_000, "window_seconds": 60}
    limits["quota"] = {"tokens_per_day": 50_000_000}
    limits["tenants"] = {
        "hasty": {"rate": {"limit": HASTY_LIMIT, "window_seconds": 60}},
        "poor": {"quota": {"tokens_per_day": POOR_TOKENS}},
        "globex": {"models": ["fake"]},
    }
    privacy = yaml.safe_load((target / "privacy.yaml").read_text())
    (target / "privacy.yaml").write_text(yaml.safe_dump({**privacy, "tenants": {"globex": {"card_number": "block"}}}))
    if long_prompts:
        limits["request"]["max_prompt_chars"] = LONG_CHARS
        for name in ("screening.yaml", "privacy.yaml"):
            found = yaml.safe_load((target / name).read_text())
            (target / name).write_text(yaml.safe_dump({**found, "max_scanned_chars": LONG_CHARS}))
    (target / "limits.yaml").write_text(yaml.safe_dump(limits))
    models = yaml.safe_load((target / "models.yaml").read_text())
    fake = {**models["models"][0], "provider": "fake", "base_url": "http://127.0.0.1:1/v1", "context_tokens": 32000}
    if long_prompts:
        fake["context_tokens"] = 4 * LONG_CHARS
    models["models"] += [
        {**fake, "alias": "fake", "upstream": "fake-1", "fallbacks": []},
        {**fake, "alias": "fake-anthropic", "upstream": "fake-4", "fallbacks": [], "format": "anthropic"},
        {**fake, "alias": "fake-with-fallback", "upstream": "fake-2", "fallbacks": ["fake"]},
        {**fake, "alias": "fake-long", "upstream": "fake-5", "fallbacks": [], "context_tokens": 2_000_000},
        {**fake, "alias": "fake-hasty", "upstream": "fake-3", "fallbacks": ["fake"], "timeouts": {"total": 1}},
    ]
    (target / "models.yaml").write_text(yaml.safe_dump(models))


@dataclass
class Gateway:
    """A running stack, and what tests do with it."""

    settings: Settings
    servers: EmbeddedServers
    provider: FakeProvider | None
    http: httpx2.AsyncClient
    _tokens: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def local(self) -> Settings:
        """The settings as the processes have them."""
        return local_settings(self.settings)

    def credentials(self, client: str) -> tuple[str, str]:
        found = json.loads(places(self.settings).client(client).read_text())
        return found["client_id"], found["client_secret"]

    async def token(self, client: str = "acme-app") -> str:
        """A token of the client's, got once."""
        if client not in self._tokens:
            form = {"grant_type": "client_credentials"}
            response = await self.http.post("/oauth/token", data=form, auth=self.credentials(client))
            assert response.status_code == 200, response.text
            self._tokens[client] = response.json()["access_token"]
        return self._tokens[client]

    async def post(
        self,
        body: Any,
        client: str = "acme-app",
        path: str = "/v1/inferences",
        headers: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        bearer = {"Authorization": f"Bearer {await self.token(client)}"}
        sent = {"Content-Type": "application/json", **bearer, **(headers or {})}
        return await self.http.post(path, content=json.dumps(body), headers=sent)

    async def get(self, path: str, client: str = "acme-app") -> httpx2.Response:
        return await self.http.get(path, headers={"Authorization": f"Bearer {await self.token(client)}"})

    async def run(self, run_id: str, client: str = "acme-app") -> dict[str, Any]:
        response = await self.get(f"/v1/inferences/{run_id}", client)
        assert response.status_code == 200, response.text
        return response.json()

    async def until_ended(self, run_id: str, client: str = "acme-app", seconds: float = 60.0) -> dict[str, Any]:
        """The run's body, once it has ended."""
        found: dict[str, Any] = {}

        async def ended() -> bool:
            nonlocal found
            found = await self.run(run_id, client)
            return found["status"] not in ("running", "held")

        await eventually(ended, seconds)
        return found

    async def records(self, run_id: str | None = None, tenant: str | None = None) -> list[dict[str, Any]]:
        """Records, newest first, as the reader sees them."""
        async with operator_session(self.local) as session:
            return await recent_records(session, self.local, tenant=tenant, workflow_id=run_id, limit=200)

    async def superuser(self, sql: str, *arguments: object) -> list[Any]:
        """Return all rows, as a database administrator sees them."""
        import asyncpg

        here = self.local.database
        connection = await asyncpg.connect(
            host=here.host,
            port=here.port,
            database=here.name,
            user=self.servers.postgres_superuser,
            password=self.servers.postgres_superuser_password,
        )
        try:
            return await connection.fetch(sql, *arguments)
        finally:
            await connection.close()

    async def budget(self, tenant: str) -> tuple[int, int]:
        """Tokens used and reserved today, over all callers of the tenant."""
        [row] = await self.superuser(
            "SELECT coalesce(sum(used), 0)::bigint AS used, coalesce(sum(reserved), 0)::bigint AS reserved"
            " FROM assay.quota_account WHERE tenant = $1",
            tenant,
        )
        return row["used"], row["reserved"]

    async def temporal(self, keyring: Any) -> Client:
        """A client of the namespace with the given keys, and without the store of large payloads."""
        return await TemporalConnection(self.local.temporal).client(keyring, payloads=None)

    def temporal_cli(self, *arguments: str, namespace: str | None = None) -> "subprocess.CompletedProcess[str]":
        """Temporal's own command line, as an operator uses it: without our codec."""
        command = [str(Path(sys.executable).with_name("temporal")), *arguments]
        address = ["--address", self.local.temporal.address]
        address += ["--namespace", namespace or self.local.temporal.namespace]
        return subprocess.run([*command, *address], capture_output=True, text=True, timeout=30, check=False)


async def eventually(condition: Callable[[], Awaitable[bool]], seconds: float = 20.0) -> None:
    """Poll until ``condition`` holds."""
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.05)


def settings_for(directory: Path, provider_url: str, *, long_prompts: bool = False) -> Settings:
    names = ("postgres_port", "vault_port", "vault_cluster_port", "temporal_port", "temporal_ui_port", "model_port")
    *ports, api_port = unused_ports(len(names) + 1)
    policies = directory / "policies"
    write_policies(policies, long_prompts=long_prompts)
    embedded = EmbeddedSettings(data_dir=directory / "data", **dict(zip(names, ports, strict=True)))
    urls = {"local": f"http://127.0.0.1:{embedded.model_port}/v1", "fake": provider_url}
    return Settings(
        embedded=embedded,
        api=ApiSettings(port=api_port),
        worker=WorkerSettings(serves_nexus=True, settle_abandoned_seconds=86_400),  # tests look when they want to
        policies_dir=policies,
        provider_urls=urls,
    )


async def add_tenants(settings: Settings) -> None:
    local = local_settings(settings)
    async with operator_session(local) as session:
        for tenant in TENANTS:
            await session.call(lambda client, name=tenant: create_tenant(client, name))
        for client_id, (tenant, roles) in CLIENTS.items():
            await ensure_client(session, local, places(settings), client_id, tenant, roles)


@asynccontextmanager
async def running_gateway(
    directory: Path,
    roles: tuple[str, ...] = ("all",),
    provider_url: str | None = None,
    *,
    long_prompts: bool = False,
    serve: Serve = serve_spec,
) -> AsyncIterator[Gateway]:
    """Start everything below ``directory``.

    With ``provider_url`` the provider is a process of the test's; ``serve`` says how Assay's own processes are started.
    """
    provider = FakeProvider() if provider_url is None else None
    if provider is not None:
        await provider.__aenter__()
        provider_url = provider.base_url
    try:
        settings = settings_for(directory, str(provider_url), long_prompts=long_prompts)
        async with servers_of(settings) as servers:
            await add_tenants(settings)
            await servers.add(*(serve(servers, settings, role) for role in roles))
            base = f"http://127.0.0.1:{settings.api.port}"
            async with httpx2.AsyncClient(base_url=base, timeout=60, trust_env=False) as http:
                yield Gateway(settings, servers, provider, http)
    finally:
        if provider is not None:
            await provider.__aexit__(None, None, None)
