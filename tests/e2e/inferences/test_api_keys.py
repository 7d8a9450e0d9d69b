"""API keys through the whole product: made, narrowed, used in each header on each format, rotated, revoked."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.access.api_keys import key_id_of
from tests.fakes.behaviours import answer, status
from tests.gateway import Gateway, eventually

BODY = {"model": "fake", "prompt": "Hello"}
CHAT = {"model": "fake", "messages": [{"role": "user", "content": "Hello"}]}
WAYS = {
    "bearer": lambda key: {"Authorization": f"Bearer {key}"},
    "x-api-key": lambda key: {"x-api-key": key},
    "api-key": lambda key: {"api-key": key},
}


async def made(gateway: Gateway, client: str = "acme-app", **wish: Any) -> dict[str, Any]:
    response = await gateway.post({"name": "a test's", **wish}, client, "/v1/keys")
    assert response.status_code == 201, response.text
    assert response.headers["cache-control"] == "no-store"
    found: dict[str, Any] = response.json()
    return found


@pytest.fixture(scope="module")
async def anyone(gateway: Gateway) -> dict[str, Any]:
    """A key for tests that any key will do for: a caller may have 20."""
    return await made(gateway, models=["fake"])


async def used(
    gateway: Gateway, key: str, path: str = "/v1/inferences", body: Any = None, way: str = "bearer"
) -> httpx2.Response:
    return await gateway.http.post(path, json=BODY if body is None else body, headers=WAYS[way](key))


async def read(gateway: Gateway, path: str, key: str) -> httpx2.Response:
    return await gateway.http.get(path, headers=WAYS["bearer"](key))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("path", "body"),
    [("/v1/inferences", BODY), ("/v1/chat/completions", CHAT), ("/ai/predict", {"prompt": "Hello"})],
)
async def test_a_key_is_taken_in_each_header_on_each_route_of_submitters(
    gateway: Gateway, anyone: dict[str, Any], way: str, path: str, body: Mapping[str, Any]
):
    gateway.provider.script(answer("Hi."))
    response = await used(gateway, anyone["key"], path, body, way)
    assert response.status_code == 200, response.text


async def test_a_run_by_key_is_its_makers_and_its_records_name_the_key(gateway: Gateway):
    key = await made(gateway)
    gateway.provider.script(answer("Hi."))
    run = (await used(gateway, key["key"])).json()["id"]
    assert (await gateway.run(run))["status"] == "completed"
    assert (await gateway.get(f"/v1/inferences/{run}", "acme-other")).status_code == 404
    records = await gateway.records(run)
    assert {record["kind"]: record["fields"]["key"] for record in records} == {
        "admitted": key["id"],
        "completed": key["id"],
    }
    assert {record["fields"]["caller"] for record in records} == {key["caller"]}


async def test_a_rotation_keeps_the_caller_the_runs_and_the_idempotency_keys(gateway: Gateway):
    old = await made(gateway)
    gateway.provider.script(answer("Hi."))
    sent = {**WAYS["bearer"](old["key"]), "Idempotency-Key": old["id"]}
    first = await gateway.http.post("/v1/inferences", json=BODY, headers=sent)
    response = await gateway.post({"overlap_seconds": 600}, path=f"/v1/keys/{old['id']}/rotate")
    new = response.json()
    assert (response.status_code, new["replaces"], new["caller"]) == (201, old["id"], old["caller"])
    sent = {**WAYS["x-api-key"](new["key"]), "Idempotency-Key": old["id"]}
    again = await gateway.http.post("/v1/inferences", json=BODY, headers=sent)
    assert again.json()["id"] == first.json()["id"]
    for key in (old, new):
        assert (await read(gateway, f"/v1/inferences/{first.json()['id']}", key["key"])).status_code == 200
    assert (await gateway.post({}, path=f"/v1/keys/{old['id']}/rotate")).status_code == 404


async def test_a_narrowed_key_uses_its_models_alone_also_as_fallbacks(gateway: Gateway):
    key = await made(gateway, models=["fake-with-fallback"])
    refused = await used(gateway, key["key"])
    assert (refused.status_code, refused.json()["field"]) == (422, "model")
    assert (await used(gateway, key["key"], "/v1/chat/completions", CHAT)).status_code == 404
    listed = (await read(gateway, "/v1/models", key["key"])).json()
    assert [model["id"] for model in listed["data"]] == ["fake-with-fallback"]
    gateway.provider.script(answer("Hi."))
    narrowed = {**BODY, "model": "fake-with-fallback"}
    assert (await used(gateway, key["key"], body=narrowed)).status_code == 200
    received = gateway.provider.stats.received
    gateway.provider.script(status(404))
    assert (await used(gateway, key["key"], body=narrowed)).status_code == 502
    assert gateway.provider.stats.received == received + 1
    gateway.provider.script(status(404), answer("from the second"))
    assert (await gateway.post(narrowed)).json()["result"]["model"] == "fake"


async def test_a_key_has_a_rate_of_its_own_that_a_rotation_keeps(gateway: Gateway):
    key = await made(gateway, models=["fake"], requests_per_minute=2)
    gateway.provider.script(*[answer("Hi.")] * 2)
    answers = [await used(gateway, key["key"]) for _ in range(2)]
    assert {response.status_code for response in answers} == {200}
    assert answers[0].headers["ratelimit-policy"] == '"key";q=2;w=60, "caller";q=100000;w=60'
    new = (await gateway.post({"overlap_seconds": 0}, path=f"/v1/keys/{key['id']}/rotate")).json()
    refused = await used(gateway, new["key"])
    assert (refused.status_code, refused.json()["type"]) == (429, "urn:assay:problem:rate-limited")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("POST", "/v1/keys"), ("GET", "/v1/keys"), ("DELETE", "/v1/keys/00000000000")),
        *(("POST", "/v1/keys/00000000000/rotate"), ("GET", "/v1/audit/events"), ("GET", "/v1/audit/export?since=2026")),
        *(("POST", "/v1/audit/holds"), ("GET", "/v1/audit/holds"), ("POST", "/v1/audit/erasures")),
        *(("POST", "/codec/decode"), ("POST", "/codec/sessions")),
    ],
)
async def test_a_key_administers_audits_and_decodes_nothing(
    gateway: Gateway, anyone: dict[str, Any], method: str, path: str
):
    response = await gateway.http.request(method, path, json={}, headers=WAYS["bearer"](anyone["key"]))
    assert response.status_code in ({403} if "codec" not in path else {401, 403, 404, 405}), response.text


async def test_a_revoked_key_ends_while_requests_run(gateway: Gateway):
    key = await made(gateway)
    assert (await read(gateway, "/v1/models", key["key"])).status_code == 200
    revoked = await gateway.http.delete(
        f"/v1/keys/{key['id']}", headers={"Authorization": f"Bearer {await gateway.token()}"}
    )
    assert revoked.json() == {"id": key["id"], "state": "revoked"}
    response = await read(gateway, "/v1/models", key["key"])
    assert (response.status_code, response.json()["error"]["code"]) == (401, "invalid_api_key")
    records = await gateway.records(tenant="acme")
    kinds = {record["kind"] for record in records if record["fields"].get("key") == key["id"]}
    assert kinds == {"api_key_created", "api_key_revoked"}


async def test_an_admin_lists_and_revokes_the_tenants_keys_and_no_other(gateway: Gateway):
    mine, others = await made(gateway), await made(gateway, "globex-app")
    listed = {key["id"]: key for key in (await gateway.get("/v1/keys", "acme-admin")).json()["keys"]}
    assert mine["id"] in listed
    assert others["id"] not in listed
    assert "key" not in listed[mine["id"]]
    admin = {"Authorization": f"Bearer {await gateway.token('acme-admin')}"}
    assert (await gateway.http.delete(f"/v1/keys/{others['id']}", headers=admin)).status_code == 404
    assert (await gateway.http.delete(f"/v1/keys/{mine['id']}", headers=admin)).status_code == 200
    assert (await gateway.post({"name": "x"}, "acme-admin", "/v1/keys")).status_code == 403


async def test_a_caller_sees_and_revokes_its_own_keys_alone(gateway: Gateway):
    mine = await made(gateway)
    listed = [key["id"] for key in (await gateway.get("/v1/keys", "acme-other")).json()["keys"]]
    assert mine["id"] not in listed
    other = {"Authorization": f"Bearer {await gateway.token('acme-other')}"}
    assert (await gateway.http.delete(f"/v1/keys/{mine['id']}", headers=other)).status_code == 404
    assert (await read(gateway, "/v1/models", mine["key"])).status_code == 200


async def test_an_erased_makers_keys_end_and_their_rows_are_empty(gateway: Gateway):
    key = await made(gateway, "globex-app")
    await read(gateway, "/v1/models", key["key"])
    [row] = await gateway.superuser("SELECT subject FROM assay.api_key WHERE id = $1", key["id"])
    await gateway.superuser("SELECT assay.erase_api_keys('globex', $1)", row["subject"])

    async def ended() -> bool:
        return (await read(gateway, "/v1/models", key["key"])).status_code == 401

    await eventually(ended)
    [row] = await gateway.superuser("SELECT sealed, revoked_at FROM assay.api_key WHERE id = $1", key["id"])
    assert row["sealed"] == b""
    listed = {one["id"]: one for one in (await gateway.get("/v1/keys", "globex-app")).json()["keys"]}
    assert "name" not in listed[key["id"]]


async def test_two_credentials_that_differ_are_refused(gateway: Gateway, anyone: dict[str, Any]):
    both = {**WAYS["bearer"](await gateway.token()), **WAYS["x-api-key"](anyone["key"])}
    assert (await gateway.http.get("/v1/models", headers=both)).status_code == 401


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "x\0"}, "name"),
        ({"name": "x", "expires_in_days": 366}, "expires_in_days"),
        ({"name": "x", "expires_in_days": 0}, "expires_in_days"),
        ({"name": "x", "expires_in_days": 1.5}, "expires_in_days"),
        ({"name": "x", "models": []}, "models"),
        ({"name": "x", "models": ["fake", "unknown"]}, "models.1"),
        ({"name": "x", "requests_per_minute": 0}, "requests_per_minute"),
        ({"name": "x", "roles": ["admin"]}, "roles"),
        ({"name": "x", "tenant": "globex"}, "tenant"),
    ],
)
async def test_a_body_is_checked_by_field(gateway: Gateway, body: dict[str, Any], field: str):
    response = await gateway.post(body, path="/v1/keys")
    assert (response.status_code, response.json()["field"]) == (422, field), response.text


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)
_NAMES = st.sampled_from(["name", "expires_in_days", "models", "requests_per_minute", "overlap_seconds", "x"])


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_JSON | st.dictionaries(_NAMES, _JSON, max_size=5), st.sampled_from(["/v1/keys", "/v1/keys/{}/rotate"]))
async def test_no_body_is_a_fault(gateway: Gateway, body: Any, path: str):
    response = await gateway.post(body, "acme-other", path.format("0" * 11))
    assert response.status_code in (201, 400, 403, 404, 422), response.text


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=80))
async def test_no_credential_is_a_fault_and_none_is_guessed(gateway: Gateway, text: str):
    response = await gateway.http.get("/v1/models", headers={"x-api-key": b"assay_" + text.encode()})
    assert key_id_of("assay_" + text) is None
    assert response.status_code == 401


async def test_more_keys_than_the_policy_permits_are_refused_also_at_once(gateway: Gateway):
    before = (await gateway.get("/v1/keys", "acme-other")).json()["keys"]
    asked = [gateway.post({"name": str(number)}, "acme-other", "/v1/keys") for number in range(25)]
    statuses = [response.status_code for response in await asyncio.gather(*asked)]
    assert statuses.count(201) == 20 - len(before)
    assert set(statuses) == {201, 403}
