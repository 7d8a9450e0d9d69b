"""A proxy in front of the API: it counts requests, and cuts connections."""

import asyncio
import contextlib
from types import TracebackType
from typing import Self

from tests.fakes.provider import Received, read_request


class Door:
    """Passes requests to a port on loopback, one at a time on each connection. ``seen`` are those that came."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.seen: list[Received] = []

    @property
    def address(self) -> str:
        """Return the address for ``base_url``, without a path."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        """Listen."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=16 * 1024 * 1024)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the port and every connection."""
        assert self._server is not None
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def cut(self) -> None:
        """Reset the connections of all clients."""
        for writer in tuple(self._open):
            writer.transport.abort()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        back, there = await asyncio.open_connection("127.0.0.1", self._port)
        piping = asyncio.create_task(_pipe(back, writer))
        try:
            while (request := await read_request(reader)) is not None:
                self.seen.append(request)
                there.write(request.head + request.body)
                await there.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # cut, or the client went away
        finally:
            self._open.discard(writer)
            piping.cancel()
            for end in (there, writer):
                end.close()
            await asyncio.gather(piping, return_exceptions=True)


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
    writer.close()
