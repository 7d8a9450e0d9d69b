"""Part 7 at the HTTP edge, over doubles: strict JSON, single headers, strict tokens, bodies that end early."""

import json
from typing import Any, cast
from unittest.mock import Mock

import httpx2
import jwt
import pytest
from google.protobuf.json_format import ParseDict
from temporalio.api.common.v1 import Payload

from adapters.temporal.availability import EngineAvailability
from adapters.tokens.access_tokens import JwtIssuer, JwtVerifier
from api.inference.runs import Submission
from config.settings import TokenSettings
from domain.access.clients import ClientEntry
from domain.records.queries import RecordFilter
from domain.refusals import Kind, Refusal
from domain.text.strict_json import is_storable, read_strictly
from tests.doubles.clock import FixedClock
from tests.doubles.keys import FixedIdentity, LocalSigner
from tests.security.test_part5_recorded_readings import RUN, Edge

HOLD = {"tenant_wide": True, "reason": "x"}
NUL, SURROGATE = "a\0b", "a\ud800b"


@pytest.fixture
async def edge() -> Edge:
    return await Edge().begin()


async def bearer(edge: Edge, who: str = "auditor") -> tuple[str, str]:
    return "Authorization", f"Bearer {await edge.token(who)}"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
async def test_a_body_of_another_encoding_is_refused(edge: Edge, encoding: str):
    body = json.dumps({"payloads": []}).encode(encoding)
    assert json.loads(body) == {"payloads": []}  # as it was read
    headers = [await bearer(edge), ("Content-Type", "application/json")]
    answer = await edge.http.post("/codec/decode", content=body, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:assay:problem:malformed-body")


async def test_a_body_with_a_byte_order_mark_is_utf_8(edge: Edge):
    headers = [await bearer(edge), ("Content-Type", "application/json")]
    answer = await edge.http.post("/codec/decode", content=b'\xef\xbb\xbf{"payloads":[]}', headers=headers)
    assert answer.json() == {"payloads": []}


@pytest.mark.parametrize(
    "text", ['{"payloads":[],"payloads":[]}', '{"payloads":[{"a":1,"a":2}]}', '{"payloads":[NaN]}']
)
async def test_a_body_that_readers_read_differently_is_refused(edge: Edge, text: str):
    json.loads(text)
    headers = [await bearer(edge), ("Content-Type", "application/json")]
    answer = await edge.http.post("/codec/decode", content=text, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:assay:problem:malformed-body")


@pytest.mark.parametrize(
    "payload",
    [
        {"metadata": {SURROGATE: "YQ=="}},
        {"metadata": {"encoding": SURROGATE}},
        {"metadata": {NUL: "YQ=="}},
        {"data": SURROGATE},
        {SURROGATE: 1},
        {"metadata": {"encoding": 1.5e308}},
        {"metadata": [[]]},
        {"externalPayloads": [{"sizeBytes": 10**400}]},
    ],
    ids=repr,
)
async def test_a_payload_that_protobuf_can_not_hold_is_a_refused_request(edge: Edge, payload: dict[str, Any]):
    headers = [await bearer(edge), ("Content-Type", "application/json")]
    content = json.dumps({"payloads": [payload]})
    answer = await edge.http.post("/codec/decode", content=content, headers=headers)
    assert answer.status_code in (200, 400, 422), answer.text
    if answer.status_code == 200:  # protobuf holds it, or ignores the unknown name
        ParseDict(payload, Payload(), ignore_unknown_fields=True)


@pytest.mark.parametrize(
    ("path", "header", "values", "status"),
    [
        ("/ai/predict", "Idempotency-Key", ("one", "two"), 422),
        ("/codec/decode", "Content-Type", ("application/json", "text/plain"), 422),
        ("/v1/audit/erasures", "Content-Type", ("application/json", "application/json"), 422),
        ("/codec/decode", "X-Namespace", ("assay", "other"), 422),
        ("/codec/decode", "Authorization", ("Bearer x", "Bearer y"), 401),
        ("/v1/audit/key", "Authorization", ("Bearer x", "Bearer y"), 401),
    ],
)
async def test_a_header_that_occurs_once_is_refused_twice(
    edge: Edge, path: str, header: str, values: tuple[str, str], status: int, monkeypatch: pytest.MonkeyPatch
):
    async def rated(*_: Any) -> Any:
        return type("Decision", (), {"allowed": True, "remaining": 1, "reset_after": 0.0})()

    monkeypatch.setattr(edge, "pinned", _Policy())
    object.__setattr__(edge.services.access, "rates", type("Rates", (), {"take": staticmethod(rated)}))
    who = "owner" if path == "/ai/predict" else "admin"
    headers = [(header, value) for value in values]
    if header != "Authorization":
        headers.append(await bearer(edge, who))
    if header != "Content-Type":
        headers.append(("Content-Type", "application/json"))
    method = "GET" if path == "/v1/audit/key" else "POST"
    content = b"" if method == "GET" else json.dumps(_body(path))
    answer = await edge.http.request(method, path, content=content, headers=headers)
    assert answer.status_code == status, answer.text
    if status == 422:
        assert answer.json()["field"] == header


def _body(path: str) -> dict[str, Any]:
    return {
        "/ai/predict": {"prompt": "x"},
        "/codec/decode": {"payloads": []},
        "/v1/audit/erasures": {"subject": "x"},
    }[path]


class _Policy:
    """In place of the current policy: one rate for all."""

    def __init__(self) -> None:
        terms = type("Terms", (), {"sealed": False, "rate": type("R", (), {"limit": 9, "window_seconds": 1})})
        self.policy = type("P", (), {"for_tenant": staticmethod(lambda _: terms)})


@pytest.mark.parametrize(
    "headers",
    [
        [("Authorization", "Basic YTpi"), ("Authorization", "Basic YTpj")],
        [("Content-Type", "application/x-www-form-urlencoded"), ("Content-Type", "application/json")],
    ],
    ids=["two secrets", "two types"],
)
async def test_two_headers_of_a_token_request_are_one_too_many(edge: Edge, headers: list[tuple[str, str]]):
    form = ("Content-Type", "application/x-www-form-urlencoded")
    sent = headers if headers[0][0] == "Content-Type" else [*headers, form]
    answer = await edge.http.post("/oauth/token", content=b"grant_type=client_credentials", headers=sent)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize(
    "path", ["/v1/audit/events?run=a&run=b", "/v1/audit/consistency?from=0&from=1", "/codec/session?ticket=a&ticket=b"]
)
async def test_a_query_parameter_twice_is_refused(edge: Edge, path: str):
    answer = await edge.ask("GET", path)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:assay:problem:invalid-request")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("run=%00", "run"),
        ("run=inf.acme.%00", "run"),
        ("since=0001-01-01T00:00:00%2B23:59", "since"),
        ("until=9999-12-31T23:59:59.999999-23:59", "until"),
    ],
)
@pytest.mark.parametrize("path", ["events", "export"])
async def test_a_filter_beyond_what_the_store_holds_is_refused_by_name(edge: Edge, path: str, query: str, field: str):
    answer = await edge.ask("GET", f"/v1/audit/{path}?{query}")
    assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text


def test_a_filter_of_the_command_line_is_refused_as_well():
    with pytest.raises(Refusal) as refused:
        RecordFilter(run=NUL)
    assert refused.value.field == "run"


class Tokens:
    """Validly signed tokens with any claims."""

    def __init__(self) -> None:
        self.clock, self.signer = FixedClock(), LocalSigner()
        self.verifier = JwtVerifier(self.signer, FixedIdentity(), TokenSettings(), self.clock)

    async def claims(self) -> dict[str, Any]:
        entry = ClientEntry("app", "acme", "someone", ("admin",), "", "")
        issued = await JwtIssuer(self.signer, TokenSettings()).issue(entry, "", self.clock.now(), "a-jti")
        return jwt.decode(issued.access_token, options={"verify_signature": False})

    def signed(self, payload: bytes) -> str:
        headers = {"typ": "at+jwt", "kid": "token-signing:1"}
        return jwt.PyJWS().encode(payload, self.signer._key("token-signing"), algorithm="EdDSA", headers=headers)

    async def refused(self, token: str) -> None:
        with pytest.raises(Refusal) as refused:
            await self.verifier.verify(token)
        assert refused.value.kind is Kind.INVALID_TOKEN


@pytest.mark.parametrize("claim", ["sub", "client_id", "jti", "roles", "iss", "aud", "tenant"])
@pytest.mark.parametrize("text", [NUL, SURROGATE], ids=["nul", "surrogate"])
async def test_a_signed_claim_that_nothing_downstream_can_store_is_refused(claim: str, text: str):
    tokens = Tokens()
    claims = await tokens.claims()
    assert (await tokens.verifier.verify(tokens.signed(json.dumps(claims).encode()))).subject == "someone"
    claims[claim] = [text] if claim == "roles" else text
    await tokens.refused(tokens.signed(json.dumps(claims).encode()))


async def test_a_signed_token_with_a_name_twice_is_refused():
    tokens = Tokens()
    claims = json.dumps(await tokens.claims())
    twice = claims[:-1] + ', "tenant": "globex"}'
    assert json.loads(twice)["tenant"] == "globex"  # another reader takes the first
    await tokens.refused(tokens.signed(twice.encode()))
    await tokens.refused(tokens.signed(claims[:-1].encode() + b', "more": {"a": 1, "a": 2}}'))


@pytest.mark.parametrize("payload", [b"[]", b"null", b"", b"{", b"\xff", b'{"iat": NaN}', b"[" * 5000], ids=repr)
async def test_a_signed_token_without_claims_is_refused(payload: bytes):
    tokens = Tokens()
    await tokens.refused(tokens.signed(payload))
    await tokens.refused(tokens.signed(json.dumps(await tokens.claims()).encode("utf-16")))


async def test_a_client_that_leaves_in_its_body_is_no_fault_of_the_service(edge: Edge):
    sent: list[dict[str, Any]] = []
    messages = iter([{"type": "http.request", "body": b'{"pay', "more_body": True}, {"type": "http.disconnect"}])

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    name, token = await bearer(edge)
    headers = [(name.lower().encode(), token.encode()), (b"content-type", b"application/json")]
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": "/codec/decode",
        "raw_path": b"/codec/decode",
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8080),
        "scheme": "http",
    }
    await edge.app(cast("Any", scope), receive, send)
    assert [message["status"] for message in sent if message["type"] == "http.response.start"] == [400]
    assert 'status="500"' not in (await edge.http.get("/metrics")).text


class _Connection:
    """Temporal, which can be down."""

    name = "temporal"
    down = False

    async def check(self) -> None:
        if self.down:
            raise Refusal(Kind.ENGINE_UNAVAILABLE, "down")


async def test_while_temporal_is_known_to_be_down_it_is_not_asked(edge: Edge, monkeypatch: pytest.MonkeyPatch):
    connection = _Connection()
    engine = EngineAvailability(connection)
    runs = edge.services.inference.runs
    monkeypatch.setattr(runs, "_require_engine", engine.require_available)
    asked: list[str] = []
    describe = edge.engine.describe

    async def counted(**more: Any) -> Any:
        asked.append("describe")
        return await describe(**more)

    monkeypatch.setattr(edge.engine, "describe", counted)
    connection.down = True
    statuses = []
    for _ in range(3):
        statuses.append((await edge.ask("GET", f"/v1/inferences/{RUN}")).status_code)
        with pytest.raises(Refusal):
            await engine.check()
    assert statuses == [200, 200, 503]  # one check alone may have been slow
    assert len(asked) == 2
    answer = await edge.ask("POST", f"/v1/inferences/{RUN}/cancel", "both")
    assert (answer.status_code, answer.json()["type"]) == (503, "urn:assay:problem:engine-unavailable")
    assert answer.headers["retry-after"] == "2"
    assert len(asked) == 2
    connection.down = False
    await engine.check()
    assert (await edge.ask("GET", f"/v1/inferences/{RUN}")).status_code == 200


async def test_a_submission_is_not_started_while_temporal_is_known_to_be_down(edge: Edge):
    engine = EngineAvailability(_Connection())
    cast("Any", engine)._failures = 2
    runs = edge.services.inference.runs
    runs._require_engine = engine.require_available  # type: ignore[method-assign]
    with pytest.raises(Refusal) as refused:
        await runs.start(cast("Any", Mock(spec=Submission)))
    assert refused.value.kind is Kind.ENGINE_UNAVAILABLE


@pytest.mark.parametrize(("text", "storable"), [("é😀\n", True), (NUL, False), (SURROGATE, False), ("\udfff", False)])
def test_text_that_a_store_can_hold_is_told_from_other(text: str, storable: bool):
    assert is_storable(text) is storable


def test_strict_reading_keeps_what_json_says():
    assert read_strictly(b'{"a": [1, 2.5, "x", null, true]}') == {"a": [1, 2.5, "x", None, True]}


def test_requests_are_sent_as_written():
    """httpx keeps two headers of one name apart: else the tests above would prove nothing."""
    request = httpx2.Request("GET", "http://x", headers=[("A", "1"), ("A", "2")])
    assert request.headers.get_list("a") == ["1", "2"]
