"""Other projects' servers as children: started, awaited and stopped by the product's own supervisor."""

from functools import partial
from pathlib import Path

from temporalio.client import Client
from temporalio.service import RPCError

from benchmarks.gateway.subjects.base import Bench
from config.settings import EmbeddedSettings, Settings
from embedded.process.child import ChildSpec
from embedded.process.ports import LOOPBACK, unused_ports
from embedded.process.wheels import temporal_program
from embedded.servers.group import EmbeddedServers


async def children_in(bench: Bench, name: str) -> EmbeddedServers:
    """Return a supervisor without servers, over a separate directory."""
    settings = Settings(embedded=EmbeddedSettings(data_dir=bench.root / name))
    return await bench.stack.enter_async_context(EmbeddedServers(settings, only=()))


def pid_of(servers: EmbeddedServers, name: str) -> int:
    """Return the process of a child, which must not have been restarted.

    Raises:
        ChildLostError: it was, or does not run.
    """
    status = next((child for child in servers.status() if child.name == name), None)
    if status is None or status.pid is None or status.restarts:
        raise ChildLostError(f"{name} ended while it was measured")
    return status.pid


class ChildLostError(Exception):
    """A measured process ended."""


def default_temporal(directory: Path) -> tuple[ChildSpec, str]:
    """Return a development server as documented, with a database file and no tuning; and its address."""
    [port] = unused_ports(1)
    address = f"{LOOPBACK}:{port}"
    argv = (str(temporal_program()), "server", "start-dev", "--ip", LOOPBACK, "--port", str(port), "--headless")
    spec = ChildSpec(
        name="temporal-default",
        argv=(*argv, "--db-filename", str(directory / "default.db"), "--log-level", "warn"),
        ready=partial(_serves, address),
        port=port,
    )
    return spec, address


async def _serves(address: str) -> bool:
    try:
        client = await Client.connect(address)
        return await client.service_client.check_health()
    except (RPCError, RuntimeError):
        return False
