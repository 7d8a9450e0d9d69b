"""Proxy of Temporal's UI with two settings that its development server has no flags for.

The UI sends cookies to the codec endpoint only if its server is configured so, and its server has a message for
refusals of that endpoint. The production image takes both from its environment (``TEMPORAL_CODEC_INCLUDE_CREDENTIALS``,
``TEMPORAL_CODEC_DEFAULT_ERROR_MESSAGE``); the development server has no such setting. So its UI listens on another
port, and this process forwards everything but the response with the settings.

Neither answer of the UI depends on the Host header, so that a web page could reach it by DNS rebinding. This process
answers to given hosts only. On Linux the development server's UI listens on a random address of 127.0.0.0/8, which no
page can guess; the container's publishes no port (docker-compose.yml).
"""

import argparse
import json
import sys
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager

import httpx2
import uvicorn
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

_LOOPBACK = "127.0.0.1"
SETTINGS_PATH = "/api/v1/settings"
SEALED = "Payloads are encrypted. Auditors and admins open this UI in plaintext with the command: assay ui"
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
# Hop-by-hop headers (RFC 9110 section 7.6.1), and those recomputed by the sender.
_OWN = frozenset(
    {b"connection", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade", b"date", b"server"}
)


def build(upstream: httpx2.AsyncClient, hosts: Collection[str]) -> Starlette:
    """Build the proxy application over a client of the UI.

    ``hosts`` are the values of the Host header (RFC 9112 section 3.2) that it answers to, such as ``127.0.0.1:8233``.
    """

    async def forward(request: Request) -> Response:
        given = request.headers.getlist("host")
        if len(given) != 1 or given[0] not in hosts:
            return PlainTextResponse("Invalid host header", status_code=400)
        if request.url.hostname == "localhost":  # another site than the API for browsers
            return RedirectResponse(request.url.replace(hostname=_LOOPBACK))
        headers = [pair for pair in request.headers.raw if pair[0] not in _OWN]
        if request.url.path == SETTINGS_PATH:
            headers = [pair for pair in headers if pair[0] != b"accept-encoding"]
        query = request.scope["query_string"]
        url = upstream.base_url.copy_with(raw_path=request.scope["raw_path"] + (b"?" + query if query else b""))
        try:
            sent = upstream.build_request(request.method, url, headers=headers, content=await request.body())
            response = await upstream.send(sent, stream=True)
            if request.url.path == SETTINGS_PATH and response.is_success:
                await response.aread()
                return _with_credentials(response)
        except httpx2.HTTPError:
            return PlainTextResponse("Temporal's UI did not answer", status_code=502)
        passed = StreamingResponse(
            response.aiter_raw(), status_code=response.status_code, background=BackgroundTask(response.aclose)
        )
        passed.raw_headers = [pair for pair in _raw(response) if pair[0] not in _OWN]
        return passed

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with upstream:
            yield

    return Starlette(
        routes=[Route("/{path:path}", forward, methods=list(_METHODS))],
        lifespan=lifespan,
    )


def _raw(response: httpx2.Response) -> list[tuple[bytes, bytes]]:
    return [(name.lower(), value) for name, value in response.headers.raw]


def _with_credentials(response: httpx2.Response) -> Response:
    settings = json.loads(response.content)
    settings["Codec"] = {**(settings.get("Codec") or {}), "IncludeCredentials": True, "DefaultErrorMessage": SEALED}
    edited = Response(json.dumps(settings), media_type="application/json")
    edited.raw_headers += [pair for pair in _raw(response) if pair[0] == b"set-cookie"]
    return edited


def main(arguments: Sequence[str]) -> None:
    """Serve until a signal to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("upstream")
    parser.add_argument("--listen", default=_LOOPBACK, help="the address to listen on")
    parser.add_argument("--host", action="append", default=[], help="a Host header to answer to, if not its own")
    given = parser.parse_args(arguments)
    upstream = httpx2.AsyncClient(
        base_url=f"http://{given.upstream}",
        timeout=httpx2.Timeout(None, connect=5.0),  # a page waits for new events as long as the server allows
        limits=httpx2.Limits(max_connections=None),
        trust_env=False,
    )
    uvicorn.run(
        build(upstream, given.host or [f"{name}:{given.port}" for name in (_LOOPBACK, "localhost")]),
        host=given.listen,
        port=given.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=1,  # an open page would delay the stop until the next event
    )


if __name__ == "__main__":
    main(sys.argv[1:])
