"""Temporal without Assay: the subjects and their servers."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

from benchmarks.gateway.history import history_of
from benchmarks.gateway.load.prompts import PROMPT
from benchmarks.gateway.subjects.base import Bench, Load, Measured, job, post
from benchmarks.gateway.subjects.children import children_in, default_temporal, pid_of
from benchmarks.tools.helper import Helper
from config.settings import EmbeddedSettings, Settings, TemporalSettings
from embedded.process.ports import unused_ports
from embedded.servers.group import EmbeddedServers

T = TypeVar("T")


class Server(Protocol):
    """A Temporal server."""

    namespace: str

    async def start(self) -> str:
        """Start it unless it runs; return its address."""
        ...

    @property
    def pid(self) -> int:
        """Return its process, which must not have been restarted."""
        ...


class TunedServer:
    """A server with a file store, started and tuned by the same code as Assay's."""

    def __init__(self, bench: Bench) -> None:
        self.namespace = "bench"
        self._bench = bench
        self._servers: EmbeddedServers | None = None

    async def start(self) -> str:
        """See ``Server``."""
        if self._servers is None:
            port, ui_port = unused_ports(2)
            data = self._bench.root / "tuned-temporal"
            embedded = EmbeddedSettings(data_dir=data, temporal_port=port, temporal_ui_port=ui_port)
            settings = Settings(embedded=embedded, temporal=TemporalSettings(namespace=self.namespace))
            starting = EmbeddedServers(settings, only=("temporal",))
            self._servers = await self._bench.stack.enter_async_context(starting)
        return self._servers.temporal_address

    @property
    def pid(self) -> int:
        """See ``Server``."""
        return pid_of(_started(self._servers), "temporal")


class DefaultServer:
    """A development server with a file store and no tuning."""

    def __init__(self, bench: Bench) -> None:
        self.namespace = "default"
        self._bench = bench
        self._children: EmbeddedServers | None = None
        self._address = ""

    async def start(self) -> str:
        """See ``Server``."""
        if self._children is None:
            self._children = await children_in(self._bench, "default-temporal")
            spec, self._address = default_temporal(self._children.layout.root)
            await self._children.add(spec)
        return self._address

    @property
    def pid(self) -> int:
        """See ``Server``."""
        return pid_of(_started(self._children), "temporal-default")


class BareTemporal:
    """One workflow with one trivial activity: client and worker in one process, which generates the load itself."""

    name = "bare_temporal"
    share = 1.0

    def __init__(self, bench: Bench, server: Server) -> None:
        self._bench = bench
        self._server = server
        self._helper: Helper | None = None

    async def start(self) -> None:
        """See ``Subject``."""
        where = ("--address", await self._server.start(), "--namespace", self._server.namespace)
        helper = Helper("benchmarks.gateway.subjects.bare", *where, log=self._bench.log(self.name))
        self._helper = await self._bench.stack.enter_async_context(helper)

    async def run(self, load: Load) -> Measured:
        """See ``Subject``."""
        return await _started(self._helper).ask(**job(load))

    def processes(self) -> Mapping[str, Sequence[int]]:
        """See ``Subject``."""
        return {"ours": [_started(self._helper).pid], "temporal": [self._server.pid]}

    async def facts(self) -> Mapping[str, Any]:
        """See ``Subject``."""
        return {"history": await history_of(await self._server.start(), self._server.namespace, "bare")}


class Textbook:
    """Seven regular activities behind a small FastAPI route."""

    def __init__(self, bench: Bench, server: Server, name: str, share: float) -> None:
        self.name = name
        self.share = share
        self._bench = bench
        self._server = server
        self._helper: Helper | None = None

    async def start(self) -> None:
        """See ``Subject``."""
        where = ("--address", await self._server.start(), "--namespace", self._server.namespace)
        arguments = (*where, "--model-url", self._bench.model_url)
        helper = Helper("benchmarks.gateway.subjects.textbook", *arguments, log=self._bench.log(self.name))
        self._helper = await self._bench.stack.enter_async_context(helper)

    async def run(self, load: Load) -> Measured:
        """See ``Subject``."""
        target = post(_started(self._helper).ready["port"], "/predict", {"prompt": PROMPT}, holds=("result",))
        return await self._bench.generator.ask(target=target, **job(load))

    def processes(self) -> Mapping[str, Sequence[int]]:
        """See ``Subject``."""
        return {"ours": [_started(self._helper).pid], "temporal": [self._server.pid]}

    async def facts(self) -> Mapping[str, Any]:
        """See ``Subject``."""
        return {"history": await history_of(await self._server.start(), self._server.namespace, "textbook")}


def _started(value: T | None) -> T:
    if value is None:
        raise RuntimeError("not started")
    return value
