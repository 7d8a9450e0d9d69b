"""The subjects that are Temporal without Assay, and the servers they run on."""

from collections.abc import Mapping, Sequence

from benchmarks.gateway.helper import Helper
from benchmarks.gateway.subjects import Bench, Load, Measured, job
from config.settings import EmbeddedSettings, Settings
from embedded.ports import unused_ports
from embedded.servers import EmbeddedServers


class TunedServer:
    """One Temporal server with a file store, started and tuned by the very code that starts Assay's."""

    namespace = "bench"

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._servers: EmbeddedServers | None = None

    async def start(self) -> str:
        """Start it unless it runs; give its address."""
        if self._servers is None:
            port, ui_port = unused_ports(2)
            embedded = EmbeddedSettings(
                data_dir=self._bench.root / "tuned-temporal", temporal_port=port, temporal_ui_port=ui_port
            )
            settings = Settings(embedded=embedded)
            settings = settings.model_copy(
                update={"temporal": settings.temporal.model_copy(update={"namespace": self.namespace})}
            )
            self._servers = await self._bench.stack.enter_async_context(EmbeddedServers(settings, only=("temporal",)))
        return self._servers.temporal_address

    @property
    def pid(self) -> int:
        """Its process, which must not have been restarted."""
        [status] = self._servers.status() if self._servers is not None else ()
        if status.pid is None or status.restarts:
            raise RuntimeError("the Temporal server ended while it was measured")
        return status.pid


class BareTemporal:
    """One workflow with one trivial activity: client and worker in one process, which generates the load itself."""

    name = "bare_temporal"
    share = 1.0

    def __init__(self, bench: Bench, server: TunedServer) -> None:
        self._bench = bench
        self._server = server
        self._helper: Helper | None = None

    async def start(self) -> None:
        """See ``Subject``."""
        address = await self._server.start()
        arguments = ("--address", address, "--namespace", TunedServer.namespace)
        helper = Helper("benchmarks.gateway.bare", *arguments, log=self._bench.log(self.name))
        self._helper = await self._bench.stack.enter_async_context(helper)

    async def run(self, load: Load) -> Measured:
        """See ``Subject``."""
        if self._helper is None:
            raise RuntimeError("not started")
        return await self._helper.ask(**job(load))

    def processes(self) -> Mapping[str, Sequence[int]]:
        """See ``Subject``."""
        return {"ours": [self._helper.pid] if self._helper else [], "temporal": [self._server.pid]}
