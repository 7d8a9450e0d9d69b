"""``python -m benchmarks.screening.loop``: answers of an event loop while long prompts are screened beside it.

A client process exchanges a line with a server in the loop, over and over; meanwhile long prompts of the costliest
shapes are screened and masked: in the loop itself, in threads, in processes.
"""

import asyncio
import os
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from typing import Annotated

import typer

from adapters.screening.phone_numbers import LibPhoneNumbers
from benchmarks.screening.shapes import SHAPES, filled
from benchmarks.tools.figures import percentile
from benchmarks.tools.helper import ROOT
from cli.screen.offline import Screener, read_policy_files
from config.settings import Settings
from domain.inference.content import Message, Speaker
from domain.inference.requests import bare_request
from domain.privacy.masking import mask_request
from domain.refusals import Refusal
from domain.screening.screen import screen

_LENGTH = 31_900
_SHAPES = ("letters and digits", "tag characters", "hex", "prose")
_CLIENT = """
import socket, sys, time
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as one:
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    end = time.monotonic() + float(sys.argv[2])
    while time.monotonic() < end:
        began = time.monotonic()
        one.sendall(b"GET /healthz\\n")
        one.recv(100)
        print((time.monotonic() - began) * 1000)
        time.sleep(0.01)
"""


class _Guards:
    """The guards of one process, loaded at its first use."""

    loaded: "_Guards | None" = None

    def __init__(self) -> None:
        self.screener = Screener(read_policy_files(ROOT / "policies"), Settings())
        self.phones = LibPhoneNumbers()

    @classmethod
    def here(cls) -> "_Guards":
        if cls.loaded is None:
            cls.loaded = cls()
        return cls.loaded

    def judge(self, text: str) -> None:
        policy = self.screener.policy
        request = bare_request(Message(Speaker.USER, text))
        screen(request, request, policy.screening, self.screener.detectors)
        if policy.privacy is not None:
            try:
                mask_request(request, policy.privacy, "acme", self.phones.begin(), b"seed")
            except Refusal:
                return


def judge(text: str) -> None:
    """Screen and mask a text in this process."""
    _Guards.here().judge(text)


def resident() -> int:
    """Return the greatest resident memory of this process, in KiB, once its guards are loaded."""
    _Guards.here()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main(seconds: Annotated[float, typer.Option(min=1, help="Seconds for each way.")] = 6.0) -> None:
    """Compare the ways."""
    judge("warm")
    typer.echo(f"{'':<34}{'p50':>8}{'p99':>9}{'max':>9}  ms    prompts/s")
    switch = sys.getswitchinterval()
    asyncio.run(_measure("no prompts", seconds, None, 0))
    asyncio.run(_measure("in the loop", seconds, None, 1))
    for threads in (1, 2):
        with ThreadPoolExecutor(threads) as pool:
            asyncio.run(_measure(f"{threads} threads", seconds, pool, threads))
            sys.setswitchinterval(0.0005)
            asyncio.run(_measure(f"{threads} threads, 0.5 ms switches", seconds, pool, threads))
            sys.setswitchinterval(switch)
    began = time.monotonic()
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        size = pool.submit(resident).result()
        ready = time.monotonic() - began
        asyncio.run(_measure("2 processes", seconds, pool, 2))
    typer.echo(f"a process: ready after {ready:.1f} s, {size // 1024} MiB; this one {resident() // 1024} MiB")


async def _measure(name: str, seconds: float, pool: Executor | None, at_once: int) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline():
            for _ in range(6):  # a request of an API passes the loop several times
                await asyncio.sleep(0)
            writer.write(b"ok\n")
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    done = [0]
    flood = [asyncio.create_task(_flood(_way(pool), done, at)) for at in range(at_once)]
    client = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _CLIENT, str(port), str(seconds), stdout=asyncio.subprocess.PIPE, env=dict(os.environ)
    )
    printed, _ = await client.communicate()
    for task in flood:
        task.cancel()
    await asyncio.gather(*flood, return_exceptions=True)
    server.close()
    taken = [float(line) for line in printed.split()]
    figures = "".join(f"{one:9.1f}" for one in (percentile(taken, 50), percentile(taken, 99), max(taken)))
    typer.echo(f"{name:<33}{figures}      {done[0] / seconds:9.1f}")


def _way(pool: Executor | None) -> Callable[[str], Awaitable[None]]:
    async def run(text: str) -> None:
        if pool is None:
            judge(text)
            await asyncio.sleep(0.001)
        else:
            await asyncio.get_running_loop().run_in_executor(pool, judge, text)

    return run


async def _flood(run: Callable[[str], Awaitable[None]], done: list[int], first: int) -> None:
    at = first
    while True:
        await run(filled(SHAPES[_SHAPES[at % len(_SHAPES)]], _LENGTH))
        done[0] += 1
        at += 1


if __name__ == "__main__":
    typer.run(main)
