"""Limits of the HTTP server on a real socket: heads, bodies, connections and waits are bounded by count."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from ipaddress import ip_network
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.server.limits import ServerLimits, ServerLoad
from api.server.protocol import limited_protocol
from embedded.process.ports import unused_ports

LIMITS = ServerLimits(
    connections=8,
    connections_per_address=6,
    head_bytes=2_048,
    headers=20,
    url_bytes=512,
    head_seconds=30,
    body_seconds=30,
    body_bytes_in_flight=100_000,
)
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


class App:
    """Reads the body, waits for ``go`` if it was cleared, and answers with the number of bytes."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.go.set()
        self.waiting = 0
        self.clients: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.clients.append(scope["client"][0])
        size, more = 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            size, more = size + len(message["body"]), message["more_body"]
        self.waiting += 1
        await self.go.wait()
        body = str(size).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})


@dataclass
class Served:
    port: int
    load: ServerLoad
    app: App

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def answer(self, *pieces: bytes) -> tuple[int, Any]:
        """Status and body of the answer to what is sent, of which the server may read as much as it likes."""
        reader, writer = await self.connect()
        async with closing(writer):
            with contextlib.suppress(ConnectionError):
                for piece in pieces:
                    writer.write(piece)
                    await writer.drain()
            return await response(reader)


@contextlib.asynccontextmanager
async def closing(*writers: asyncio.StreamWriter) -> AsyncIterator[None]:
    try:
        yield
    finally:
        for writer in writers:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


async def response(reader: asyncio.StreamReader) -> tuple[int, Any]:
    async with asyncio.timeout(20):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        sizes = [int(line.split(":")[1]) for line in head if line.lower().startswith("content-length")]
        return int(head[0].split()[1]), json.loads(await reader.readexactly(sizes[0]))


async def eventually(condition: Any) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def serving(limits: ServerLimits = LIMITS, **given: Any) -> AsyncIterator[Served]:
    [port] = unused_ports(1)
    load, app = ServerLoad(limits, given.pop("proxies", ())), App()
    config = uvicorn.Config(
        app, port=port, http=limited_protocol(load), log_config=None, lifespan="off", loop="none", **given
    )
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign]
    task = asyncio.create_task(server.serve())
    try:
        await eventually(lambda: server.started)
        yield Served(port, load, app)
    finally:
        app.go.set()
        server.should_exit = True
        await task
        assert (load.connections, load.body_bytes, load.addresses) == (0, 0, 0), "all was given back"


def kind(answer: tuple[int, Any]) -> tuple[int, str]:
    return answer[0], answer[1]["type"].removeprefix("urn:assay:problem:")


async def test_a_request_within_the_limits_is_answered():
    async with serving() as served:
        assert await served.answer(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n", b"hello") == (200, 5)


@pytest.mark.parametrize(
    ("pieces", "refused"),
    [
        ([b"GET / HTTP/1.1\r\nHost: x\r\nX: ", *[b"a" * 512] * 64], (431, "headers-too-large")),
        ([b"GET / HTTP/1.1\r\nHost: x\r\n", *[b"A: b\r\n"] * 400], (431, "headers-too-large")),
        ([b"GET / HTTP/1.1\r\n", *[b"a" * 512] * 64], (431, "headers-too-large")),
        ([b"GET /" + b"a" * 600 + b" HTTP/1.1\r\nHost: x\r\n\r\n"], (414, "url-too-long")),
        ([b"GET /", *[b"a" * 512] * 64], (414, "url-too-long")),
        ([b"\r\n" * 2_000], (431, "headers-too-large")),
        ([b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"], (400, "malformed-body")),
        ([b"nonsense\r\n\r\n"], (400, "malformed-body")),
    ],
    ids=[
        "endless value",
        "endless fields",
        "endless name",
        "long url",
        "endless url",
        "blanks",
        "two hosts",
        "no http",
    ],
)
async def test_a_head_beyond_a_limit_is_refused(pieces: list[bytes], refused: tuple[int, str]):
    async with serving() as served:
        assert kind(await served.answer(*pieces)) == refused


class CountingParser:
    """A connection's parser, and the bytes that it was given to keep."""

    def __init__(self, parser: Any) -> None:
        self._parser = parser
        self.given = 0

    def feed_data(self, piece: bytes) -> None:
        self.given += len(piece)
        self._parser.feed_data(piece)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._parser, name)


@pytest.mark.parametrize(("limited", "most"), [(True, LIMITS.head_bytes), (False, 300_000)])
async def test_an_endless_header_is_not_given_to_the_parser_beyond_the_limit(limited: bool, most: int):
    """The server's own protocol gives it everything: 64 pieces here, gigabytes elsewhere."""
    config = uvicorn.Config(App(), log_config=None, lifespan="off")
    config.load()
    protocol = limited_protocol(ServerLoad(LIMITS)) if limited else HttpToolsProtocol
    made: Any = protocol(config=config, server_state=uvicorn.server.ServerState(), app_state={})
    made.connection_made(Sink())
    parser = made.parser = CountingParser(made.parser)
    for piece in [b"GET / HTTP/1.1\r\nHost: x\r\nX: ", *[b"a" * 4_096] * 64]:
        made.data_received(piece)
    made.connection_lost(None)
    assert parser.given <= most
    assert limited or parser.given > 64 * 4_096


class Sink(asyncio.Transport):
    """A transport that keeps nothing."""

    closed = False

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def write(self, data: Any) -> None:
        pass

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


async def test_the_limit_of_a_head_counts_anew_for_each_request_of_a_connection():
    async with serving() as served:
        reader, writer = await served.connect()
        async with closing(writer):
            for _ in range(3):
                writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 1_500 + b"\r\n\r\n")
                assert await response(reader) == (200, 0)


async def test_a_body_in_the_same_piece_as_its_head_is_no_part_of_it():
    async with serving() as served:
        body = b"a" * 50_000
        assert await served.answer(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\n" + body) == (
            200,
            50_000,
        )


async def test_connections_beyond_the_limit_are_refused_and_others_go_on():
    async with serving() as served:
        held = [await served.connect() for _ in range(LIMITS.connections_per_address)]
        async with closing(*(writer for _, writer in held)):
            await eventually(lambda: served.load.connections == len(held))
            assert kind(await served.answer(GET)) == (503, "server-busy")
            reader, writer = held[0]
            writer.write(GET)
            assert await response(reader) == (200, 0)
        await eventually(lambda: not served.load.connections)
        assert await served.answer(GET) == (200, 0)


async def test_connections_of_a_trusted_proxy_are_limited_in_all_alone():
    async with serving(proxies=[ip_network("127.0.0.0/8")]) as served:
        held = [await served.connect() for _ in range(LIMITS.connections)]
        async with closing(*(writer for _, writer in held)):
            await eventually(lambda: served.load.connections == len(held))
            assert served.load.addresses == 0
            assert kind(await served.answer(GET)) == (503, "server-busy")


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (b"", False),
        (b"GET / HTTP/1.1\r\nHost", True),
        (b"\r\n", True),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc", True),
    ],
    ids=["nothing", "half a head", "a blank line", "half a body"],
)
async def test_a_request_that_does_not_arrive_ends_its_connection(sent: bytes, answered: bool):
    async with serving(replace(LIMITS, head_seconds=0.3, body_seconds=0.3)) as served:
        reader, writer = await served.connect()
        async with closing(writer), asyncio.timeout(20):
            writer.write(sent)
            if answered:
                assert kind(await response(reader)) == (408, "request-timeout")
            assert await reader.read() == b""


async def test_a_request_in_work_outlasts_the_time_to_send_one():
    async with serving(replace(LIMITS, head_seconds=0.2, body_seconds=0.2)) as served:
        served.app.go.clear()
        reader, writer = await served.connect()
        async with closing(writer):
            writer.write(GET)
            await eventually(lambda: served.app.waiting == 1)
            idle, other = await served.connect()  # its time is over later than the first one's would be
            async with closing(other), asyncio.timeout(20):
                assert await idle.read() == b""
            served.app.go.set()
            assert await response(reader) == (200, 0)


async def test_bodies_in_flight_have_a_budget_that_is_given_back():
    async with serving() as served:
        served.app.go.clear()
        post = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n" + b"a" * 60_000
        reader, writer = await served.connect()
        async with closing(writer):
            writer.write(post)
            await eventually(lambda: served.app.waiting == 1)
            assert kind(await served.answer(post)) == (503, "server-busy")
            served.app.go.set()
            assert await response(reader) == (200, 60_000)
            await eventually(lambda: not served.load.body_bytes)
        assert await served.answer(post) == (200, 60_000)


async def test_bodies_of_pipelined_requests_are_answered_in_order():
    async with serving() as served:
        reader, writer = await served.connect()
        async with closing(writer):
            for size in (b"3", b"4"):
                writer.write(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + size + b"\r\n\r\n" + b"a" * int(size))
            assert [await response(reader) for _ in range(2)] == [(200, 3), (200, 4)]


@pytest.mark.parametrize(("trusted", "address"), [([], "127.0.0.1"), (["127.0.0.0/8"], "10.9.8.7")])
async def test_only_a_trusted_proxy_names_the_address_of_a_client(trusted: list[str], address: str):
    async with serving(proxy_headers=bool(trusted), forwarded_allow_ips=trusted) as served:
        forged = b"GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 10.9.8.7\r\n\r\n"
        assert await served.answer(forged) == (200, 0)
        assert served.app.clients == [address]
