"""The four servers as one, with the proxy of Temporal's UI: started by ``assay up`` and the tests."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta
from types import TracebackType
from typing import Self

from config.settings import Settings
from embedded.process import identity
from embedded.process.child import ChildSpec
from embedded.process.errors import EmbeddedError
from embedded.process.files import write_private
from embedded.process.layout import Layout
from embedded.process.lock import acquire, data_dir_lock
from embedded.process.ports import LOOPBACK, WantedPort, require_free, unguessable_loopback, unused_ports
from embedded.process.supervisor import ChildStatus, Supervisor
from embedded.servers import model, openbao, postgres, temporal, ui
from embedded.servers.model import ModelServer
from embedded.servers.openbao import OpenBaoServer
from embedded.servers.postgres import PostgresServer
from embedded.servers.temporal import TemporalServer

ALL_SERVERS = frozenset({postgres.NAME, openbao.NAME, temporal.NAME, ui.NAME, model.NAME})
_LEFTOVER_GRACE_SECONDS = 10.0


class EmbeddedServers:
    """PostgreSQL, OpenBao, Temporal and the model over one data directory, as an async context manager.

    ``bootstrap`` is awaited after every start, when all servers are ready. It must be idempotent; once it has returned
    for the first time, missing data is an error, not a reason to create it again. ``only`` names a subset to start.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        bootstrap: Callable[["EmbeddedServers"], Awaitable[None]] | None = None,
        only: Collection[str] = ALL_SERVERS,
    ) -> None:
        if unknown := set(only) - ALL_SERVERS:
            raise EmbeddedError(f"no such servers: {', '.join(sorted(unknown))}")
        wanted = settings.embedded
        self._settings = settings
        self._bootstrap = bootstrap
        self._only = frozenset(only)
        self._layout = Layout.at(wanted.data_dir)
        self._lock = data_dir_lock(self._layout.lock)
        self._supervisor = Supervisor(self._layout)
        self._postgres = PostgresServer(self._layout, wanted.postgres_port)
        self._openbao = OpenBaoServer(self._layout, wanted.vault_port, wanted.vault_cluster_port)
        self._proxied_ui: tuple[str, int] | None = None  # Temporal's own, which answers to any Host header
        if wanted.temporal_ui and self._only >= {temporal.NAME, ui.NAME}:
            self._proxied_ui = (unguessable_loopback(), unused_ports(1)[0])
        self._temporal = TemporalServer(
            self._layout,
            port=wanted.temporal_port,
            ui=self._proxied_ui,
            codec_endpoint=f"http://{LOOPBACK}:{settings.api.port}/codec",
            namespace=settings.temporal.namespace,
            retention=timedelta(days=settings.retention_days),
        )
        self._model = ModelServer(self._layout, port=wanted.model_port, threads=wanted.model_threads)

    async def start(self) -> None:
        """Lock the data directory, stop leftovers, start all servers concurrently, then bootstrap.

        Raises:
            EmbeddedError: with the cause and a remedy; all started servers are stopped then.
        """
        self._layout.prepare()
        acquire(self._lock)
        try:
            await asyncio.to_thread(identity.stop_leftovers, self._layout.run, _LEFTOVER_GRACE_SECONDS)
            await asyncio.to_thread(require_free, self._wanted_ports())
            await self._supervisor.start(self._specs())
            if self._bootstrap is not None:
                await self._bootstrap(self)
                if not self._layout.bootstrap_marker.exists():
                    write_private(self._layout.bootstrap_marker, b"")
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop everything in order and release the data directory. Bounded in time; harmless if nothing runs."""
        try:
            await self._supervisor.stop()
        finally:
            self._lock.release()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def add(self, *specs: ChildSpec) -> None:
        """Start and supervise further processes, such as Assay's own; they stop before the servers do."""
        await self._supervisor.start(specs)

    async def restart(self, name: str) -> None:
        """Stop one child in order and start it again; returns when it is ready."""
        await self._supervisor.restart(name)

    async def kill(self, name: str) -> None:
        """Kill one child (SIGKILL); it is restarted automatically. See ``until_ready``."""
        await self._supervisor.kill(name)

    async def until_ready(self, name: str) -> None:
        """Wait until a child is ready again."""
        await self._supervisor.until_ready(name)

    def status(self) -> tuple[ChildStatus, ...]:
        """Return every child's current state."""
        return self._supervisor.status()

    @property
    def layout(self) -> Layout:
        """Return the layout of the data directory."""
        return self._layout

    @property
    def postgres_superuser(self) -> str:
        """Return the name of PostgreSQL's superuser."""
        return postgres.SUPERUSER

    @property
    def postgres_superuser_password(self) -> str:
        """Return its password, read from a file of mode 0600."""
        return self._postgres.superuser_password

    @property
    def vault_url(self) -> str:
        """Return the base address of OpenBao's Vault API."""
        return self._openbao.url

    @property
    def vault_root_token(self) -> str:
        """Return OpenBao's root token, read from a file of mode 0600. For bootstrap only."""
        return self._openbao.root_token

    @property
    def temporal_address(self) -> str:
        """Return host and port of Temporal's gRPC service."""
        return self._temporal.address

    @property
    def temporal_ui_url(self) -> str | None:
        """Return the address of Temporal's UI; None if it is disabled."""
        wanted = self._settings.embedded
        return f"http://{LOOPBACK}:{wanted.temporal_ui_port}" if wanted.temporal_ui else None

    @property
    def model_url(self) -> str:
        """Return the base address of the model's OpenAI-compatible API, ``/v1`` included."""
        return self._model.url

    @property
    def model_api_key(self) -> str:
        """Return the model's API key, read from a file of mode 0600."""
        return self._model.api_key

    def client_settings(self) -> Settings:
        """Return the settings with the addresses of these servers, for processes that use them."""
        here = self._settings
        return here.model_copy(
            update={
                "vault": here.vault.model_copy(update={"address": self.vault_url, "ca_file": None}),
                "database": here.database.model_copy(
                    update={"host": LOOPBACK, "port": here.embedded.postgres_port, "ca_file": None}
                ),
                "temporal": here.temporal.model_copy(update={"address": self.temporal_address, "tls": False}),
            }
        )

    def _specs(self) -> list[ChildSpec]:
        servers = {
            postgres.NAME: self._postgres.spec,
            openbao.NAME: self._openbao.spec,
            temporal.NAME: self._temporal.spec,
            model.NAME: self._model.spec,
        }
        specs = [spec() for name, spec in servers.items() if name in self._only]
        if self._proxied_ui is not None:
            host, port = self._proxied_ui
            specs.append(ui.spec(self._settings.embedded.temporal_ui_port, f"{host}:{port}"))
        return specs

    def _wanted_ports(self) -> list[WantedPort]:
        return [want for want in wanted_ports(self._settings) if want.server in self._only]


def wanted_ports(settings: Settings) -> list[WantedPort]:
    """Return every port of the embedded servers with the setting that changes it."""
    wanted = settings.embedded
    fields = [
        (postgres.NAME, "postgres_port"),
        (openbao.NAME, "vault_port"),
        (openbao.NAME, "vault_cluster_port"),
        (temporal.NAME, "temporal_port"),
        (model.NAME, "model_port"),
    ]
    if wanted.temporal_ui:
        fields.append((temporal.NAME, "temporal_ui_port"))
    return [WantedPort(server, getattr(wanted, field), f"ASSAY_EMBEDDED__{field.upper()}") for server, field in fields]
