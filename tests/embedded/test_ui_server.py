"""The process in front of Temporal's UI: it hands on, changes one answer, and leads nowhere else."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from embedded.servers.ui_server import SEALED, SETTINGS_PATH, build

BASE = "http://127.0.0.1:8233"
HOSTS = ("127.0.0.1:8233", "localhost:8233", "temporal.example")


async def _echo(request: Request) -> Response:
    if request.url.path == SETTINGS_PATH:
        settings = {
            "Version": "2.54.1",
            "Codec": {"Endpoint": "http://127.0.0.1:8080/codec", "IncludeCredentials": False},
        }
        return JSONResponse(settings, headers={"set-cookie": "_csrf=x; Path=/"})
    if request.url.path == "/stream":

        async def parts() -> AsyncIterator[bytes]:
            yield b"one"
            yield b"two"

        return StreamingResponse(parts(), headers={"x-kept": "yes"})
    seen = {
        "method": request.method,
        "host": request.headers["host"],
        "target": request.scope["raw_path"].decode() + "?" + request.scope["query_string"].decode(),
        "body": (await request.body()).decode(),
        "names": sorted(name for name, _ in request.headers.items()),
    }
    return JSONResponse(seen, status_code=418, headers={"set-cookie": "a=b"})


class Upstream(httpx2.AsyncBaseTransport):
    """Temporal's UI, or nothing at all; remembers which hosts were asked for."""

    def __init__(self) -> None:
        everything = Route("/{path:path}", _echo, methods=["GET", "HEAD", "POST", "PUT", "DELETE"])
        self._inner = httpx2.ASGITransport(Starlette(routes=[everything]))
        self.asked: set[tuple[str, int | None]] = set()
        self.away = False

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.add((request.url.host, request.url.port))
        if self.away:
            raise httpx2.ConnectError("away")
        return await self._inner.handle_async_request(request)


@pytest.fixture
def upstream() -> Upstream:
    return Upstream()


@pytest.fixture
async def http(upstream: Upstream) -> AsyncIterator[httpx2.AsyncClient]:
    inner = httpx2.AsyncClient(transport=upstream, base_url="http://127.0.0.1:9999")
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(build(inner, HOSTS)), base_url=BASE) as client:
        yield client


async def test_the_settings_say_that_cookies_go_to_the_codec_endpoint(http: httpx2.AsyncClient):
    response = await http.get(SETTINGS_PATH, headers={"Accept-Encoding": "gzip"})
    assert response.json() == {
        "Version": "2.54.1",
        "Codec": {
            "Endpoint": "http://127.0.0.1:8080/codec",
            "IncludeCredentials": True,
            "DefaultErrorMessage": SEALED,
        },
    }
    assert response.headers["set-cookie"] == "_csrf=x; Path=/"
    assert int(response.headers["content-length"]) == len(response.content)


async def test_everything_else_is_handed_on_as_it_is(http: httpx2.AsyncClient):
    headers = {"X-CSRF-Token": "t", "Connection": "x"}
    response = await http.post("/api/v1/a%2Fb?x=1&y=%20", content=b"body", headers=headers)
    assert response.status_code == 418
    assert response.headers["set-cookie"] == "a=b"
    seen: dict[str, Any] = response.json()
    assert (seen["method"], seen["host"], seen["body"]) == ("POST", "127.0.0.1:8233", "body")
    assert seen["target"] == "/api/v1/a%2Fb?x=1&y=%20"
    assert "x-csrf-token" in seen["names"]
    streamed = await http.get("/stream")
    assert (streamed.text, streamed.headers["x-kept"]) == ("onetwo", "yes")


@pytest.mark.parametrize(
    "target", [b"//evil.example/x", b"/..//evil.example", b"/@evil.example", b"/%5c%5cevil.example"]
)
async def test_no_path_leads_to_another_server(http: httpx2.AsyncClient, upstream: Upstream, target: bytes):
    response = await http.get(httpx2.URL(BASE).copy_with(raw_path=target))
    assert response.status_code == 418
    assert upstream.asked == {("127.0.0.1", 9999)}


async def test_it_answers_to_given_hosts_alone(http: httpx2.AsyncClient, upstream: Upstream):
    foreign = ("evil.example", "evil.example:8233", "127.0.0.1.evil.example", "127.0.0.1.evil.example:8233")
    for host in (*foreign, "127.0.0.1", "127.0.0.1:8234", "localhost", "localhost:1", "user@127.0.0.1:8233", ""):
        assert (await http.get("/", headers={"Host": host})).status_code == 400
    assert not upstream.asked
    moved = await http.get("/namespaces?x=1", headers={"Host": "localhost:8233"})
    assert (moved.status_code, moved.headers["location"]) == (307, f"{BASE}/namespaces?x=1")
    assert (await http.get("/", headers={"Host": "temporal.example"})).status_code == 418


async def test_a_ui_that_is_away_is_said_to_be(http: httpx2.AsyncClient, upstream: Upstream):
    upstream.away = True
    response = await http.get("/")
    assert response.status_code == 502
    assert "did not answer" in response.text
    assert "evil" not in json.dumps(dict(response.headers))
