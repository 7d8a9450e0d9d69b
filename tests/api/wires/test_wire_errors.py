"""Every kind of refusal in every client's format; credentials and paths that decide on it."""

import json

import pytest
from fastapi import Request
from fastapi.testclient import TestClient

from api.access.auth import credential_of
from api.app import build_app
from api.dependencies import Readiness
from api.http.metrics import Metrics
from api.wires.errors import ERRORS, ClientWire, RunOfError, error_response, unfinished_response, wire_of
from domain.refusals import Kind, Nature, Refusal
from tests.paths import ROOT

RUN = RunOfError("inf.acme." + "a" * 32, ("a_rule",), {"id": "x"})
FILTERED = {
    *(Kind.PROMPT_BLOCKED, Kind.SENSITIVE_DATA_BLOCKED, Kind.OUTPUT_BLOCKED),
    *(Kind.REVIEW_UNAVAILABLE, Kind.PROVIDER_FILTERED),
}


def request(path: str, **headers: str) -> Request:
    sent = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "path": path, "headers": sent, "method": "GET", "query_string": b""})


@pytest.mark.parametrize("wire", ClientWire)
@pytest.mark.parametrize("kind", Kind)
def test_every_kind_is_an_error_that_clients_stop_at(kind: Kind, wire: ClientWire):
    error = ERRORS[wire][kind]
    assert error.status not in (202, 403, 409, 422)
    assert (error.status >= 500) == (kind.nature is Nature.FAULT or kind is Kind.NOT_SEALED)
    assert (error.status == 429) == (kind in (Kind.RATE_LIMITED, Kind.QUOTA_SPENT))
    assert (error.status == 401) == (
        kind in (Kind.MISSING_TOKEN, Kind.INVALID_TOKEN, Kind.EXPIRED_TOKEN, Kind.INVALID_CLIENT)
    )
    if kind.nature is Nature.POLICY:
        assert error.status == 400
    if wire is not ClientWire.MESSAGES:
        assert (error.code == "content_filter") == (kind in FILTERED)
        assert (error.code == "insufficient_quota") == (kind is Kind.QUOTA_SPENT)
        assert (error.code, error.status) != (None, 400)


@pytest.mark.parametrize("kind", Kind)
def test_the_shape_is_the_one_that_the_sdk_reads(kind: Kind):
    refusal = Refusal(kind, "what the caller may know", field="messages")
    for wire in (ClientWire.CHAT, ClientWire.RESPONSES):
        response = error_response(wire, refusal, "req.1", RUN)
        body = json.loads(response.body)
        assert body["error"].keys() == {"message", "type", "param", "code"}
        assert body["error"]["param"] == "messages"
        assert all(said in body["error"]["message"] for said in ("what the caller may know", "a_rule", RUN.id))
        assert body.get("assay") == ({"id": "x"} if wire is ClientWire.CHAT else None)
        assert response.headers["content-type"] == "application/json"
    body = json.loads(error_response(ClientWire.MESSAGES, refusal, "req.1").body)
    assert (body["type"], body["request_id"]) == ("error", "req.1")
    assert body["error"].keys() == {"type", "message"}
    assert "assay" not in body


@pytest.mark.parametrize("kind", Kind)
def test_only_what_passes_before_a_run_is_left_to_repeat(kind: Kind):
    before = error_response(ClientWire.CHAT, Refusal(kind, "x"), "req.1")
    passing = kind.nature is Nature.FAULT or kind in (Kind.RATE_LIMITED, Kind.NOT_SEALED)
    assert before.headers.get("x-should-retry") == (None if passing else "false")
    assert error_response(ClientWire.CHAT, Refusal(kind, "x"), "r", RUN).headers["x-should-retry"] == "false"
    assert ("retry-after" in before.headers) == (before.status_code == 503)
    assert ("www-authenticate" in before.headers) == (before.status_code == 401)


def test_a_rate_says_when_to_return_in_milliseconds_too():
    response = error_response(ClientWire.CHAT, Refusal(Kind.RATE_LIMITED, "x", retry_after=0.25), "req.1")
    assert (response.headers["retry-after"], response.headers["retry-after-ms"]) == ("1", "250")


@pytest.mark.parametrize("wire", ClientWire)
def test_a_run_that_has_not_ended_is_an_error_and_never_202(wire: ClientWire):
    response = unfinished_response(wire, RUN)
    assert (response.status_code, response.headers["x-should-retry"]) == (400, "false")
    assert RUN.id in json.loads(response.body)["error"]["message"]


@pytest.mark.parametrize(
    ("path", "headers", "wire"),
    [
        ("/v1/chat/completions", {}, ClientWire.CHAT),
        ("/v1/models", {}, ClientWire.CHAT),
        ("/v1/models/a/b", {}, ClientWire.CHAT),
        ("/v1/models", {"anthropic_version": "2023-06-01"}, ClientWire.MESSAGES),
        ("/v1/messages/count_tokens", {}, ClientWire.MESSAGES),
        ("/v1/responses/resp_1", {}, ClientWire.RESPONSES),
        ("/v1/embeddings", {}, ClientWire.CHAT),
        ("/chat/completions", {}, ClientWire.CHAT),
        ("/v1/inferences", {}, None),
        ("/v1/modelsx", {}, None),
        ("/v1/audit/records", {}, None),
    ],
)
def test_path_and_version_decide_on_the_format(path: str, headers: dict[str, str], wire: ClientWire | None):
    assert wire_of(request(path, **headers)) is wire


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ({"authorization": "Bearer t"}, "t"),
        ({"authorization": "bearer t"}, "t"),
        ({"x_api_key": "t"}, "t"),
        ({"api_key": "t"}, "t"),
        ({"authorization": "Bearer t", "x_api_key": "t", "api_key": "t"}, "t"),
    ],
)
def test_a_credential_is_read_from_each_of_three_headers(headers: dict[str, str], token: str):
    assert credential_of(request("/", **headers)) == token


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer t", "x_api_key": "u"},
        {"x_api_key": "t", "api_key": "u"},
        {"authorization": "Basic t", "x_api_key": "t"},
        {"authorization": "Bearer t", "x_api_key": ""},
        {"authorization": "Bearer "},
        {"authorization": "t"},
        {"api_key": ""},
        {"x_api_key": "t" * 8193},
    ],
)
def test_two_credentials_that_differ_and_empty_ones_are_invalid(headers: dict[str, str]):
    with pytest.raises(Refusal) as refused:
        credential_of(request("/", **headers))
    assert refused.value.kind is Kind.INVALID_TOKEN


def test_a_header_twice_with_other_keys_is_invalid_and_none_is_missing():
    twice = request("/")
    twice.scope["headers"] = [(b"x-api-key", b"t"), (b"x-api-key", b"u")]
    with pytest.raises(Refusal, match="single"):
        credential_of(Request(twice.scope))
    with pytest.raises(Refusal) as refused:
        credential_of(request("/"))
    assert refused.value.kind is Kind.MISSING_TOKEN


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/responses", "must end in /v1"),
        ("/v1/completions", "POST /v1/responses"),
        ("/v1/messages/batches", "POST /v1/messages"),
        ("/v1/embeddings", "GET /v1/models"),
        ("/chat/completions", "must end in /v1"),
    ],
)
def test_a_route_that_there_is_not_names_the_alternative(path: str, said: str):
    app = build_app(Readiness(), Metrics(), 1000, lambda: "0" * 32)
    response = TestClient(app).post(path, json={})
    assert response.status_code == 404
    assert said in response.json()["error"]["message"]
    assert response.headers["x-request-id"] == response.headers["request-id"] == "req." + "0" * 32


def test_an_unforeseen_error_has_the_clients_form_and_tells_nothing(monkeypatch: pytest.MonkeyPatch):
    async def fails(request: Request) -> None:
        raise ValueError("a canary in an exception")

    monkeypatch.setattr("api.access.auth.services", fails)
    app = build_app(Readiness(), Metrics(), 1000, lambda: "0" * 32)
    response = TestClient(app, raise_server_exceptions=False).get("/v1/models")
    assert (response.status_code, response.json()["error"]["code"]) == (500, "internal_error")
    assert "canary" not in response.text


def test_the_document_lists_every_error():
    document = (ROOT / "docs" / "compatibility.md").read_text(encoding="utf-8")
    for kind, error in ERRORS[ClientWire.CHAT].items():
        anthropic = ERRORS[ClientWire.MESSAGES][kind].type
        assert f"| `{kind}` | {error.status} | `{error.type}` | `{error.code}` | `{anthropic}` |\n" in document
