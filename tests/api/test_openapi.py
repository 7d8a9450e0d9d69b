"""The OpenAPI description: whole, and true to the application."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import build_app
from api.codec.auth import COOKIE
from api.dependencies import Readiness
from api.http.metrics import Metrics

PUBLIC = {"/oauth/token", "/.well-known/jwks.json", "/healthz", "/readyz", "/codec/session"}
BESIDES = {
    "session": ("/codec/decode", "/codec/encode"),
    "api_key": (
        *("/v1/inferences", "/v1/chat", "/v1/models", "/v1/responses", "/v1/messages", "/v1/embeddings", "/ai/predict"),
        *("/v1/audit/checkpoint", "/v1/audit/consistency", "/v1/audit/key", "/v1/audit/events/{event_id}/proof"),
    ),
}
"""Other credentials than access tokens, and the paths that take them, by prefix."""

FOR_CLIENTS = {"/v1/chat/completions", "/v1/models", "/v1/models/{alias}"}
FOR_CLIENTS |= {f"/v1/responses{more}" for more in ("", "/compact", "/input_tokens", "/{response_id}")}
FOR_CLIENTS |= {f"/v1/responses/{{response_id}}/{more}" for more in ("cancel", "input_items")}
FOR_CLIENTS |= {"/v1/messages", "/v1/messages/count_tokens"}


@pytest.fixture(scope="module")
def client() -> TestClient:
    return TestClient(build_app(Readiness(), Metrics(), 1000, lambda: "0" * 32), raise_server_exceptions=False)


@pytest.fixture(scope="module")
def description(client: TestClient) -> dict[str, Any]:
    return client.get("/openapi.json").json()


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [found for value in node.values() for found in references(value)]
    if isinstance(node, list):
        return [found for value in node for found in references(value)]
    return []


def test_it_is_openapi_3_1_and_every_reference_leads_somewhere(description):
    assert description["openapi"] == "3.1.0"
    found = references(description)
    assert {
        "#/components/schemas/InferenceBody",
        "#/components/schemas/ChatBody",
        "#/components/schemas/ResponseBody",
    } <= set(found)
    for reference in found:
        node = description
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]


def test_every_route_is_protected_or_known_to_be_public(description):
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            wanted = [{"bearer": []}, *({name: []} for name, paths in BESIDES.items() if path.startswith(paths))]
            assert operation.get("security") == (None if path in PUBLIC else wanted), (method, path)
            assert operation.get("summary") or operation.get("description"), (method, path)


def test_the_session_is_described_by_its_cookie(description):
    assert description["components"]["securitySchemes"]["session"]["name"] == COOKIE


def test_protected_routes_describe_their_problems(description):
    for path, operations in description["paths"].items():
        for operation in operations.values():
            if path in FOR_CLIENTS:
                assert {"400", "401", "404", "429", "503"} <= operation["responses"].keys()
                assert "application/json" in operation["responses"]["401"]["content"]
            elif path not in PUBLIC:
                assert {"401", "403"} <= operation["responses"].keys()
                assert "application/problem+json" in operation["responses"]["401"]["content"]


def test_a_process_that_is_starting_says_so_everywhere(client):
    assert client.get("/healthz").status_code == 200
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["status"]) == (503, "unready")
    assert ready.headers["retry-after"]
    for method, path in (("POST", "/v1/inferences"), ("POST", "/oauth/token"), ("GET", "/.well-known/jwks.json")):
        response = client.request(method, path)
        assert response.status_code == 503
        assert response.json()["type"] == "urn:assay:problem:engine-unavailable"
        assert response.headers["retry-after"]


def test_an_unforeseen_error_tells_nothing(monkeypatch):
    app = build_app(Readiness(), Metrics(), 1000, lambda: "0" * 32)

    @app.get("/broken")
    async def broken() -> None:
        raise ValueError("a canary in an exception")

    response = TestClient(app).get("/broken")
    assert response.status_code == 500
    assert response.json()["type"] == "urn:assay:problem:internal"
    assert "canary" not in response.text
    assert response.headers["x-request-id"] == "req." + "0" * 32


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", True),
        ("00-" + "0" * 32 + "-00f067aa0ba902b7-01", False),
        ("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", False),
        ("junk", False),
    ],
)
def test_a_trace_is_honoured_if_it_is_one(client, sent, answered):
    assert ("traceresponse" in client.get("/healthz", headers={"traceparent": sent}).headers) is answered
