"""A model provider that does as it is told, on loopback: in the test's own process, or as a process of its own.

In process::

    async with FakeProvider() as provider:
        provider.script(status(503), answer("at last"))
        ...
        await provider.until(lambda stats: stats.received == 2)

As a process, for tests that kill things: ``python -m tests.fakes.provider --port 0 --state FILE``. It prints its base
URL, keeps FILE up to date with its counts (and its address), and serves ``GET /stats``, ``POST /script`` (a JSON list
for ``behaviours.from_json``) and ``POST /release``.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import socket
import struct
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.fakes.behaviours import Behaviour, ConnectionDropped, Reply, answer, document, from_json, message, status


@dataclass(frozen=True, slots=True)
class Stats:
    """Calls of a model: begun, answered in full, and left by the client before that. Dropped ones are only begun."""

    received: int = 0
    finished: int = 0
    disconnected: int = 0


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it came. Names of headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    query: str = ""
    head: bytes = b""

    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


class FakeProvider:
    """Serves ``/v1/chat/completions``, ``/v1/messages`` and ``/v1/models``.

    Calls that find no script get ``default``; of messages ``default_message``.
    """

    def __init__(self, *, port: int = 0, default: Behaviour | None = None, state: Path | None = None) -> None:
        self.default: Behaviour = default or answer()
        self.default_message: Behaviour = message()
        self._default = self.default
        self.requests: list[Received] = []
        self.connections = 0
        self._port = port
        self._state = state
        self._stats = Stats()
        self._script: deque[Behaviour] = deque()
        self._released = asyncio.Event()
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def stats(self) -> Stats:
        """The counts so far."""
        return self._stats

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._port

    @property
    def base_url(self) -> str:
        """Return the value for a client's ``base_url``."""
        return f"http://127.0.0.1:{self._port}/v1"

    def script(self, *behaviours: Behaviour) -> None:
        """Queue behaviours, one a call."""
        self._script.extend(behaviours)

    def release(self) -> None:
        """Let every hanging call continue. Later ones hang again."""
        self._released.set()
        self._released = asyncio.Event()

    def reset(self) -> None:
        """Reset the behaviour, drop unused ones, and let every hanging call continue."""
        self.default = self._default
        self._script.clear()
        self.release()

    async def until(self, condition: Callable[[Stats], bool], deadline: float = 10.0) -> Stats:
        """Wait until the counts meet a condition.

        Raises:
            TimeoutError: they don't within ``deadline`` seconds.
        """
        async with asyncio.timeout(deadline), self._changed:
            await self._changed.wait_for(lambda: condition(self._stats))
        return self._stats

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port, limit=16 * 1024 * 1024)
        self._port = self._server.sockets[0].getsockname()[1]
        self._write_state()

    async def stop(self) -> None:
        """Close every connection and the port."""
        if self._server is not None:
            self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A task of our own: one that the streams module makes would report its cancellation as an error.
        self.connections += 1
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            ahead = b""
            while (request := await read_request(reader, ahead)) is not None:
                ahead = await self._handle(request, reader, writer)
        except ConnectionDropped as drop:
            if drop.reset:
                # Lingering for no time makes the close a reset.
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client went away
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _handle(self, request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        """Serve one request. Gives what has been read of the next one, to see whether the client is still there."""
        if request.path not in ("/v1/chat/completions", "/v1/messages"):
            return await self._send(self._aside(request), reader, writer, self._released)
        self.requests.append(request)
        released = self._released  # before the call is counted: whoever sees the count may release it
        await self._count(received=1)
        usual = self.default_message if request.path == "/v1/messages" else self.default
        behaviour = self._script.popleft() if self._script else usual
        try:
            ahead = await self._send(behaviour, reader, writer, released)
        except (ConnectionResetError, BrokenPipeError):
            await self._count(disconnected=1)
            raise
        await self._count(finished=1)
        return ahead

    def _aside(self, request: Received) -> Reply:
        match request.method, request.path:
            case "GET", "/v1/models":
                return document({"object": "list", "data": [{"id": "fake", "object": "model", "owned_by": "fake"}]})
            case "GET", "/stats":
                return document(asdict(self._stats))
            case "POST", "/script":
                self.script(*map(from_json, request.json()))
                return document({"queued": len(self._script)})
            case "POST", "/release":
                self.release()
                return document({})
            case _:
                return status(404)

    async def _send(
        self,
        behaviour: Behaviour,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        released: asyncio.Event,
    ) -> bytes:
        """Send what a behaviour makes, or raise ConnectionResetError as soon as the client has gone."""
        sending = asyncio.create_task(_write(behaviour, released, writer))
        watching = asyncio.create_task(reader.read(1))
        try:
            await asyncio.wait({sending, watching}, return_when=asyncio.FIRST_COMPLETED)
            if watching.done() and not sending.done() and await watching == b"":
                raise ConnectionResetError
            await sending
            return await watching if watching.done() else b""
        finally:
            for task in (sending, watching):
                task.cancel()
            await asyncio.gather(sending, watching, return_exceptions=True)

    async def _count(self, *, received: int = 0, finished: int = 0, disconnected: int = 0) -> None:
        old = self._stats
        self._stats = Stats(old.received + received, old.finished + finished, old.disconnected + disconnected)
        self._write_state()
        async with self._changed:
            self._changed.notify_all()

    def _write_state(self) -> None:
        """Before the response goes out, and in one step: whoever reads the file meets no half of it."""
        if self._state is None:
            return
        draft = self._state.with_name(self._state.name + ".new")
        draft.write_text(json.dumps({**asdict(self._stats), "base_url": self.base_url, "pid": os.getpid()}))
        draft.replace(self._state)


async def _write(behaviour: Behaviour, released: asyncio.Event, writer: asyncio.StreamWriter) -> None:
    async for piece in behaviour.output(released):
        writer.write(piece)
        await writer.drain()


async def read_request(reader: asyncio.StreamReader, ahead: bytes = b"") -> Received | None:
    """The next request, or None where the connection ends before one begins."""
    try:
        head = ahead + await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as end:
        if end.partial or ahead:
            raise
        return None
    first, *lines = head.decode("latin-1").rstrip().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    path, _, query = path.partition("?")
    return Received(method=method, path=path, headers=headers, body=body, query=query, head=head)


async def _main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.provider", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--state", type=Path, help="a file to keep the counts in")
    parser.add_argument("--script", type=json.loads, default=[], help="behaviours to begin with, as JSON")
    parser.add_argument("--default", type=json.loads, default={"do": "answer"}, help="for every other call, as JSON")
    options = parser.parse_args()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with FakeProvider(port=options.port, default=from_json(options.default), state=options.state) as provider:
        provider.script(*map(from_json, options.script))
        print(provider.base_url, flush=True)  # noqa: T201 - how whoever started it learns the address
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(_main())
