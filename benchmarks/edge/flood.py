"""``python -m benchmarks.edge.flood``: health checks beside one flooding client, with and without the server's limits.

The application runs in a process of its own, without other servers; the flooding client in another. Printed for each
kind of flood: round trips of ``GET /healthz`` on a connection of its own, and the growth of the server's memory.
"""

import asyncio
import multiprocessing
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.process import BaseProcess
from typing import Annotated

import psutil
import typer
import uvicorn
from rich.console import Console
from rich.table import Table

from api.app import build_app
from api.dependencies import Readiness
from api.http.metrics import Metrics
from api.server.limits import ServerLimits, ServerLoad
from api.server.protocol import limited_protocol
from benchmarks.tools.figures import percentile
from config import logs
from embedded.process.ports import LOOPBACK, unused_ports

_SPAWN = multiprocessing.get_context("spawn")
_MIB = 1024 * 1024
_PIECE = b"a" * 65_536


def _serve(port: int, *, limited: bool) -> None:
    logs.configure("error", "console")
    app = build_app(Readiness(), Metrics(), 524_288, lambda: secrets.token_hex(16))
    protocol = limited_protocol(ServerLoad(ServerLimits())) if limited else "httptools"
    uvicorn.run(
        app,
        host=LOOPBACK,
        port=port,
        http=protocol,
        log_config=None,
        log_level="error",
        access_log=False,
        lifespan="off",
    )


def _endless_header(port: int) -> None:
    _endless(port, b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: ", _PIECE)


def _endless_headers(port: int) -> None:
    _endless(port, b"GET /healthz HTTP/1.1\r\nHost: x\r\n", b"A: b\r\n" * 10_000)


def _endless_url(port: int) -> None:
    _endless(port, b"GET /", _PIECE)


def _endless(port: int, begin: bytes, piece: bytes) -> None:
    while True:
        with suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=5) as client:
            client.sendall(begin)
            while True:
                client.sendall(piece)


def _half_open(port: int) -> None:
    held = []
    while True:
        with suppress(OSError):
            client = socket.create_connection((LOOPBACK, port), timeout=5)
            client.sendall(b"GET / HTTP/1.1\r\nHost")
            held.append(client)
            held = held[-5_000:]


FLOODS: dict[str, Callable[[int], None]] = {
    "endless header": _endless_header,
    "endless headers": _endless_headers,
    "endless URL": _endless_url,
    "half-open connections": _half_open,
}


@contextmanager
def _running(process: BaseProcess) -> Iterator[BaseProcess]:
    process.start()
    try:
        yield process
    finally:
        process.kill()
        process.join()


async def _health_checks(port: int, seconds: float) -> list[float]:
    """Milliseconds of each check; one that gets no answer within 30 s counts as that."""
    found = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        begun = time.perf_counter()
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
            async with asyncio.timeout(30):
                reader, writer = await asyncio.open_connection(LOOPBACK, port)
                writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                await reader.read()
                writer.close()
        found.append((time.perf_counter() - begun) * 1000)
        await asyncio.sleep(0.05)
    return found


def _resident(process: BaseProcess) -> float:
    return float(psutil.Process(process.pid).memory_info().rss) / _MIB


def _measure(flood: Callable[[int], None], seconds: float, *, limited: bool) -> tuple[list[float], float]:
    [port] = unused_ports(1)
    with _running(_SPAWN.Process(target=_serve, args=(port,), kwargs={"limited": limited})) as server:
        while not _listens(port):
            time.sleep(0.1)
        asyncio.run(_health_checks(port, 0.5))
        before = _resident(server)
        with _running(_SPAWN.Process(target=flood, args=(port,))):
            return asyncio.run(_health_checks(port, seconds)), _resident(server) - before


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=1):
        return True
    return False


def main(seconds: Annotated[float, typer.Option(help="Duration of each flood.")] = 10.0) -> None:
    """Measure every flood against the server with its limits, and against the library's own protocol."""
    table = Table(title="GET /healthz beside one flooding client")
    for column in ("flood", "server", "checks", "p50 ms", "max ms", "memory growth MiB"):
        table.add_column(column)
    for name, flood in FLOODS.items():
        for limited in (True, False):
            checks, growth = _measure(flood, seconds, limited=limited)
            row = (len(checks), percentile(checks, 50), max(checks), growth)
            table.add_row(name, "limited" if limited else "library's own", *(f"{figure:.0f}" for figure in row))
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
