"""Temporal's development server with a durable store, tuned, with UI and namespace."""

from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, UpdateNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from embedded.process.child import ChildSpec
from embedded.process.layout import Layout
from embedded.process.ports import LOOPBACK
from embedded.process.wheels import temporal_program

NAME = "temporal"
SEARCH_ATTRIBUTES = (
    "AssayDecision",
    "AssayModel",
    "AssayTenant",
    "AssayCaller",
    "AssayRiskBand",
    "AssayPolicyVersion",
    "AssayReviewState",
)
# Without a write-ahead log the store is about half as fast.
_PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=5000")
# The server has one history shard, whose queues are polled 20 times a second by default: after a short burst each
# dispatch would wait for such a slot, and a run of six activities would take seven times as long.
_DYNAMIC_CONFIG = (
    "history.transferProcessorMaxPollRPS=2000",
    "history.timerProcessorMaxPollRPS=2000",
    "history.visibilityProcessorMaxPollRPS=2000",
    "system.forceSearchAttributesCacheRefreshOnRead=false",
    # The HTTP API can't be turned off, and a web page could reach it by DNS rebinding: it answers to no host's name.
    'frontend.httpAllowedHosts=["assay.invalid"]',
)
_RPC_TIMEOUT = timedelta(seconds=5)


class TemporalServer:
    """The store of one Temporal server and the child that serves it."""

    def __init__(
        self,
        layout: Layout,
        *,
        port: int,
        ui: tuple[str, int] | None,
        codec_endpoint: str,
        namespace: str,
        retention: timedelta,
    ) -> None:
        self._layout = layout
        self._codec_endpoint = codec_endpoint
        self._port = port
        self._ui = ui
        self._namespace = namespace
        self._retention = retention
        self._database = layout.root / NAME / "temporal.db"

    @property
    def address(self) -> str:
        """Return host and port of the gRPC service."""
        return f"{LOOPBACK}:{self._port}"

    def spec(self) -> ChildSpec:
        """Return the child. It is ready once its namespace exists with the retention time."""
        ui: tuple[str, ...] = ("--headless",)
        if self._ui is not None:
            host, port = self._ui
            ui = ("--ui-ip", host, "--ui-port", str(port), "--ui-codec-endpoint", self._codec_endpoint)
            ui += ("--ui-disable-news-fetch",)
        argv = (
            *(str(temporal_program()), "server", "start-dev", "--ip", LOOPBACK, "--port", str(self._port), *ui),
            *("--db-filename", str(self._database), "--namespace", self._namespace, "--log-level", "warn"),
            *("--disable-config-file", "--disable-config-env"),
            *(part for pragma in _PRAGMAS for part in ("--sqlite-pragma", pragma)),
            *(part for value in _DYNAMIC_CONFIG for part in ("--dynamic-config-value", value)),
            *(part for name in SEARCH_ATTRIBUTES for part in ("--search-attribute", f"{name}=Keyword")),
        )
        return ChildSpec(
            name=NAME,
            argv=argv,
            ready=self._namespace_ready,
            port=self._port,
            cwd=self._layout.root,
            before_start=self._prepare,
        )

    async def _prepare(self) -> None:
        self._database.parent.mkdir(mode=0o700, exist_ok=True)

    async def _namespace_ready(self) -> bool:
        """Return True if the namespace has the retention time. Otherwise request it, for the next check."""
        try:
            client = await Client.connect(self.address, namespace=self._namespace)
            service = client.workflow_service
            question = DescribeNamespaceRequest(namespace=self._namespace)
            current = await service.describe_namespace(question, timeout=_RPC_TIMEOUT)
            if current.config.workflow_execution_retention_ttl.ToTimedelta() == self._retention:
                return True
            wanted = Duration()
            wanted.FromTimedelta(self._retention)
            config = NamespaceConfig(workflow_execution_retention_ttl=wanted)
            change = UpdateNamespaceRequest(namespace=self._namespace, config=config)
            await service.update_namespace(change, timeout=_RPC_TIMEOUT)
        except (RPCError, RuntimeError):  # the client raises RuntimeError for "not connected"
            return False
        return False
