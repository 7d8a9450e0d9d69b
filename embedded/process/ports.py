"""Ports of the servers, and checks that they are free."""

import errno
import random
import secrets
import socket
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

import psutil

from embedded.process.errors import EmbeddedError, PortTakenError

LOOPBACK = "127.0.0.1"
_BELOW_EPHEMERAL = (20_000, 32_000)


@dataclass(frozen=True)
class WantedPort:
    """A loopback port for ``server``, and the environment variable that changes it."""

    server: str
    port: int
    setting: str


def accepts_connections(port: int) -> bool:
    """Return True if a process listens on the loopback port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((LOOPBACK, port)) == 0


def is_free(port: int) -> bool:
    """Return True if a server could listen on the loopback port."""
    if accepts_connections(port):  # address reuse permits binding beside a listener on every address
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            if error.errno in {errno.EADDRINUSE, errno.EACCES}:
                return False
            raise
    return True


def holder_of(port: int) -> int | None:
    """Return the ID of the process that listens on ``port``, if the system reveals it."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:  # macOS, unless root
        return None
    listening = (c.pid for c in connections if _listening(c.status, c.laddr, port))
    return next((pid for pid in listening if pid), None)


def listens(pid: int, port: int) -> bool:
    """Return True if process ``pid`` or a descendant listens on ``port``.

    Checked before a secret is sent there: another user's process could have taken the port first.
    """
    try:
        process = psutil.Process(pid)
        family = (process, *process.children(recursive=True))
        return any(_listening(c.status, c.laddr, port) for member in family for c in member.net_connections(kind="tcp"))
    except psutil.Error:
        return False


def _listening(status: str, address: Sequence[object], port: int) -> bool:
    return status == psutil.CONN_LISTEN and len(address) > 1 and address[1] == port


def require_free(wanted: Iterable[WantedPort]) -> None:
    """Check every port before anything starts.

    Raises:
        PortTakenError: for the first one in use.
        EmbeddedError: if two servers have the same port.
    """
    seen: dict[int, WantedPort] = {}
    for want in wanted:
        if (other := seen.get(want.port)) is not None:
            raise EmbeddedError(
                f"{other.setting} and {want.setting} are both {want.port}: each server needs its own port"
            )
        seen[want.port] = want
        if not is_free(want.port):
            raise PortTakenError(port=want.port, server=want.server, setting=want.setting, pid=holder_of(want.port))


def unused_ports(count: int) -> tuple[int, ...]:
    """Return distinct free ports, below the system's range for outgoing connections."""
    candidates = random.sample(range(*_BELOW_EPHEMERAL), 50 * count)
    free = (port for port in candidates if is_free(port))
    return tuple(next(free) for _ in range(count))


def unguessable_loopback() -> str:
    """Return a random address of 127.0.0.0/8 (RFC 1122 section 3.2.1.3). ``LOOPBACK`` where only that one is set up."""
    if sys.platform != "linux":
        return LOOPBACK
    return str(IPv4Address(int(IPv4Address("127.1.0.0")) + secrets.randbelow(2**24 - 2**17)))
