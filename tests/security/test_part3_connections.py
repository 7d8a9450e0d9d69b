"""Part 3: one client's connections stall and bloat no process. Each attack works on the server's own protocol."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.server.limits import ServerLoad
from embedded.process.ports import unused_ports
from tests.api.test_server_limits import GET, LIMITS, App, Served, closing, eventually, kind, response, serving

BODY = b"a" * 60_000
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n" + BODY
LONG_URL = b"GET /" + b"a" * 4_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"
MANY_HEADERS = b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 200 + b"\r\n"
LONG_HEADER = b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 30_000 + b"\r\n\r\n"


@contextlib.asynccontextmanager
async def unlimited() -> AsyncIterator[Served]:
    """The wrong variant: the server without Assay's protocol."""
    [port] = unused_ports(1)
    app = App()
    config = uvicorn.Config(app, port=port, http=HttpToolsProtocol, log_config=None, lifespan="off", loop="none")
    server = uvicorn.Server(config)
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign]
    task = asyncio.create_task(server.serve())
    try:
        await eventually(lambda: server.started)
        yield Served(port, ServerLoad(LIMITS), app)
    finally:
        app.go.set()
        server.should_exit = True
        await task


@pytest.mark.parametrize("head", [LONG_URL, MANY_HEADERS, LONG_HEADER], ids=["URL", "headers", "header"])
async def test_a_head_is_bounded(head: bytes):
    async with unlimited() as wrong:
        assert await wrong.answer(head) == (200, 0)
    async with serving() as served:
        assert (await served.answer(head))[0] in (414, 431)
        assert served.app.clients == [], "the application is not called"


async def test_one_address_holds_a_share_of_the_connections():
    async with unlimited() as wrong:
        held = [await wrong.connect() for _ in range(3 * LIMITS.connections)]
        async with closing(*(writer for _, writer in held)):
            for reader, writer in held:
                writer.write(GET)
                assert await response(reader) == (200, 0)
    async with serving() as served:
        held = [await served.connect() for _ in range(3 * LIMITS.connections)]
        async with closing(*(writer for _, writer in held)):
            refused = [reader for reader, _ in held[LIMITS.connections_per_address :]]
            assert {kind(await response(reader)) for reader in refused} == {(503, "server-busy")}
            assert served.load.connections <= LIMITS.connections_per_address


async def test_half_a_request_holds_no_connection():
    half = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"
    async with unlimited() as wrong, serving(replace(LIMITS, head_seconds=0.2, body_seconds=0.2)) as served:
        stays, one = await wrong.connect()
        ends, other = await served.connect()
        async with closing(one, other), asyncio.timeout(20):
            one.write(half)
            other.write(half)
            assert kind(await response(ends)) == (408, "request-timeout")
            assert await ends.read() == b""
            assert not stays.at_eof(), "the same half request is still waited for"


async def test_bodies_of_many_requests_are_not_held_at_once():
    async def held_at_once(served: Served) -> int:
        """Send three bodies while none is answered. Return how many the application got."""
        served.app.go.clear()
        sent = [asyncio.create_task(served.answer(POST)) for _ in range(3)]
        await eventually(lambda: served.app.waiting + sum(task.done() for task in sent) == 3)
        held = served.app.waiting
        served.app.go.set()
        await asyncio.gather(*sent)
        return held

    async with unlimited() as wrong:
        assert await held_at_once(wrong) == 3
    async with serving() as served:
        assert await held_at_once(served) == LIMITS.body_bytes_in_flight // len(BODY)
