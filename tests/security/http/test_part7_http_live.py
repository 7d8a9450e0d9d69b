"""Part 7 on a running stack: no query, header, path or body makes a fault; no port serves the UI to a foreign Host."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import quote, quote_from_bytes

import httpx2
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.gateway import Gateway, eventually, running_gateway

EXAMPLES = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
SOMEBODYS = "6d1f1f0e-6a3b-4d0c-9a55-0f6f0c2f6b1e"
GOING_WRONG = (
    *(
        "\0",
        "a\0b",
        "",
        " ",
        "%",
        "\ud7ff",
        "\uffff",
        "\U0010ffff",
        "\x7f",
        "\r\nX: y",
        "9" * 5000,
        "-1",
        "1e999",
        "NaN",
    ),
    *(
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59.999999-23:59",
        "0000-01-01T00:00:00Z",
        "-1e308",
        "253402300800",
    ),
    *(
        "2026-03-01T12:00:00Z",
        "inf.acme." + "a" * 32,
        "inf..",
        "true",
        "null",
        "[]",
        "{}",
        "..",
        "/",
        "9223372036854775808",
    ),
    *(str(2**63 - 1), str(2**64), SOMEBODYS, "AAAA", "_" * 32, "f" * 32, "f" * 64, "completed", "1", "0", "200"),
)
values = st.one_of(
    st.sampled_from(GOING_WRONG), st.text(max_size=40, alphabet=st.characters(exclude_categories=["Cs"]))
)
raw = st.one_of(values.map(lambda text: quote(text, safe="")), st.binary(max_size=20).map(quote_from_bytes))
header_values = st.one_of(
    st.sampled_from(
        [b"", b",", b'"', b"wait=99999999999999999999", b"wait=1,wait=2", b"=", b"\xff\xfe", b"assay-codec=x"]
    ),
    st.binary(max_size=40).map(lambda data: bytes(byte for byte in data if byte == 9 or 32 <= byte != 127).strip()),
)
HEADERS = (
    *("Idempotency-Key", "Prefer", "X-Namespace", "traceparent", "tracestate", "Origin", "Cookie", "Accept", "Range"),
    *("X-Forwarded-For", "X-Forwarded-Proto", "Authorization", "Content-Type", "X-Request-ID", "Authorization-Extras"),
    *("Access-Control-Request-Method", "Expect", "TE", "If-None-Match"),
)
json_values = st.recursive(
    st.one_of(values, st.none(), st.booleans(), st.integers(), st.floats(), st.just("\ud800"), st.just("a\udfff")),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.one_of(values, st.just("\ud801")), inner, max_size=3)
    ),
    max_leaves=6,
)
NAMES = {
    "/v1/inferences": (
        "model",
        "prompt",
        "messages",
        "temperature",
        "max_tokens",
        "metadata",
        "user",
        "stream",
        "tools",
    ),
    "/ai/predict": ("prompt", "temperature"),
    "/codec/decode": ("payloads",),
    "/codec/download": ("payloads",),
    "/codec/tickets": ("run",),
    "/v1/audit/erasures": ("subject",),
    "/v1/audit/holds": ("subject", "tenant_wide", "reason"),
}
READS = {
    "/v1/audit/events": ("run", "since", "until", "kind", "caller", "subject", "cursor", "limit", "plaintext"),
    "/v1/audit/export": ("since", "until"),
    "/v1/audit/consistency": ("from", "to"),
    f"/v1/audit/events/{SOMEBODYS}": ("plaintext",),
    f"/v1/audit/events/{SOMEBODYS}/proof": (),
    "/v1/audit/holds": (),
    "/v1/audit/checkpoint": (),
    "/v1/audit/key": (),
    "/codec/session": ("ticket",),
    "/readyz": (),
    "/healthz": (),
    "/.well-known/jwks.json": (),
    "/v1/inferences/inf.acme." + "a" * 32: (),
}
PATHS = (
    *("/v1/inferences/{}", "/v1/inferences/{}/cancel", "/v1/audit/events/{}", "/v1/audit/events/{}/proof"),
    *("/v1/audit/holds/{}/release", "/codec/{}", "/{}"),
)


@pytest.fixture(scope="module")
async def gateway(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    async with running_gateway(tmp_path_factory.mktemp("part7")) as running:
        yield running


@pytest.fixture(scope="module")
async def tokens(gateway: Gateway) -> dict[str, str]:
    return {name: await gateway.token(name) for name in ("acme-app", "acme-admin")}


@pytest.fixture(scope="module")
def client(gateway: Gateway) -> Iterator[httpx2.Client]:
    base = f"http://127.0.0.1:{gateway.settings.api.port}"
    with httpx2.Client(base_url=base, timeout=60, trust_env=False) as made:
        yield made


def no_fault(answer: httpx2.Response) -> None:
    """The service itself is well: so whatever was sent is the caller's."""
    assert answer.status_code < 500, (answer.request.method, answer.request.url.raw_path, answer.text)


def who(tokens: dict[str, str], path: str) -> tuple[str, str]:
    name = "acme-app" if path in ("/v1/inferences", "/ai/predict") else "acme-admin"
    return "Authorization", f"Bearer {tokens[name]}"


@pytest.mark.parametrize("path", READS)
@given(data=st.data())
@EXAMPLES
def test_no_query_makes_a_fault(client: httpx2.Client, tokens: dict[str, str], path: str, data: Any):
    names = st.sampled_from([*READS[path], "x", "%00"])
    pairs = data.draw(st.lists(st.tuples(names, raw), min_size=1, max_size=3))
    query = "&".join(f"{name}={value}" for name, value in pairs)
    no_fault(client.get(f"{path}?{query}", headers=[who(tokens, path)]))


@pytest.mark.parametrize("template", PATHS)
@given(part=raw)
@EXAMPLES
def test_no_path_makes_a_fault(client: httpx2.Client, tokens: dict[str, str], template: str, part: str):
    if template in ("/codec/{}", "/{}") or not part:
        method = "GET"
    else:
        method = "POST" if template.endswith(("cancel", "release")) else "GET"
    no_fault(client.request(method, template.format(part), headers=[who(tokens, template)]))


@pytest.mark.parametrize("path", [*NAMES, *READS, "/oauth/token"])
@given(headers=st.lists(st.tuples(st.sampled_from(HEADERS), header_values), min_size=1, max_size=4))
@EXAMPLES
def test_no_header_makes_a_fault(client: httpx2.Client, tokens: dict[str, str], path: str, headers: Any):
    own: list[tuple[Any, Any]] = [who(tokens, path), ("Content-Type", "application/json")]
    method = "POST" if path in NAMES or path == "/oauth/token" else "GET"
    content = b'{"model":"none","prompt":"x"}' if method == "POST" else b""
    no_fault(client.request(method, path, content=content, headers=[*own, *headers]))


@pytest.mark.parametrize("path", NAMES)
@given(data=st.data())
@EXAMPLES
def test_no_body_makes_a_fault(client: httpx2.Client, tokens: dict[str, str], path: str, data: Any):
    names = st.sampled_from([*NAMES[path], "x"])
    known = data.draw(st.dictionaries(names, json_values, min_size=1, max_size=4))
    if "model" in NAMES[path]:
        known["model"] = "no-model-of-this-name"
    if path == "/ai/predict":
        known["x"] = 1
    sent = json.dumps(known).encode()
    headers = [who(tokens, path), ("Content-Type", "application/json")]
    no_fault(client.post(path, content=sent, headers=headers))


@given(
    body=st.one_of(
        st.binary(max_size=60),
        raw.map(lambda text: f"grant_type=client_credentials&client_id={text}&client_secret={text}".encode()),
    )
)
@EXAMPLES
def test_no_form_makes_a_fault(client: httpx2.Client, body: bytes):
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    no_fault(client.post("/oauth/token", content=body, headers=headers))


@pytest.mark.parametrize("keys", [("one", "two"), ("one", "one")])
async def test_two_idempotency_keys_are_refused(gateway: Gateway, keys: tuple[str, str]):
    headers = [
        ("Authorization", f"Bearer {await gateway.token()}"),
        ("Content-Type", "application/json"),
        *(("Idempotency-Key", key) for key in keys),
    ]
    content = json.dumps({"model": "fake", "prompt": "x"})
    answer = await gateway.http.post("/v1/inferences", content=content, headers=headers)
    assert (answer.status_code, answer.json()["field"]) == (422, "Idempotency-Key")


async def test_right_secrets_get_tokens_beside_a_flood_of_wrong_ones_which_leaves_no_rows(gateway: Gateway):
    form = {"grant_type": "client_credentials"}

    async def rows() -> int:
        [row] = await gateway.superuser("SELECT count(*) AS rows FROM assay.rate_bucket")
        return row["rows"]

    before = await rows()
    right = gateway.credentials("acme-other")
    statuses = set()
    for number in range(100):
        for client in ("acme-other", f"nobody-{number}"):
            statuses.add((await gateway.http.post("/oauth/token", data=form, auth=(client, "wrong"))).status_code)
        if number % 10 == 0:
            assert (await gateway.http.post("/oauth/token", data=form, auth=right)).status_code == 200
    assert statuses == {401, 429}
    assert await rows() == before


async def test_an_auditors_reading_of_an_answer_is_in_the_log(gateway: Gateway):
    run = (await gateway.post({"model": "fake", "prompt": "x"})).json()["id"]
    await gateway.run(run)
    assert (await gateway.records(run))[0]["kind"] == "completed"
    assert (await gateway.run(run, "acme-auditor"))["result"]
    assert (await gateway.records(run))[0]["kind"] == "payload_decoded"


async def test_a_client_that_leaves_in_its_body_is_counted_as_its_own_fault(gateway: Gateway):
    async def counted(status: str) -> bool:
        text = (await gateway.http.get("/metrics")).text
        return f'route="/v1/inferences",status="{status}"' in text

    head = f"POST /v1/inferences HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {await gateway.token()}\r\n"
    head += "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n"
    _, writer = await asyncio.open_connection("127.0.0.1", gateway.settings.api.port)
    writer.write(head.encode() + b'{"prompt":')
    await writer.drain()
    writer.close()
    await eventually(lambda: counted("400"))
    assert not await counted("500")


async def test_no_port_serves_the_ui_to_a_foreign_host(gateway: Gateway):
    """Every port that listens, of every process of the stack: also the one behind the proxy."""
    ui = gateway.settings.embedded.temporal_ui_port
    served = psutil.Process().children(recursive=True)
    ports = {c.laddr.port for p in served for c in p.net_connections(kind="tcp") if c.status == psutil.CONN_LISTEN}
    assert ui in ports
    for port in sorted(ports):
        for host in (
            "evil.example",
            f"evil.example:{port}",
            f"127.0.0.1:{port + 1}",
            "127.0.0.1",
            f"localhost.evil:{port}",
        ):
            for path in ("settings", "namespaces"):
                found = await _answer(port, path, host)
                assert found is None or found.status_code >= 400, (port, host, path)
    for path, content in (("settings", '"IncludeCredentials": true'), ("namespaces", '"namespaceInfo"')):
        own = await _answer(ui, path, f"127.0.0.1:{ui}")
        assert own is not None
        assert content in own.text
    reader, writer = await asyncio.open_connection("127.0.0.1", ui)
    own_host = f"Host: 127.0.0.1:{ui}\r\n"
    writer.write(f"GET /api/v1/settings HTTP/1.1\r\n{own_host}{own_host}Connection: close\r\n\r\n".encode())
    assert (await reader.readline()).split()[1] == b"400"
    writer.close()


async def _answer(port: int, path: str, host: str) -> httpx2.Response | None:
    """The answer of Temporal's HTTP API; None from a port that does not speak HTTP."""
    async with httpx2.AsyncClient(trust_env=False, timeout=5) as http:
        with contextlib.suppress(httpx2.HTTPError):
            return await http.get(f"http://127.0.0.1:{port}/api/v1/{path}", headers={"Host": host})
    return None
