"""Things are killed while they work. What was accepted finishes, once; what can't be served is refused, and heals."""

import asyncio
import base64
import json
from collections import Counter

import httpx2

from adapters.vault.errors import new_client
from tests.chaos.faults import ready, suspended
from tests.fakes.behaviours import Hang, answer
from tests.gateway import Gateway, eventually

BODY = {"model": "fake", "prompt": "Hello"}


async def test_a_worker_killed_after_the_provider_was_called_changes_nothing_for_the_caller(breakable: Gateway):
    await ready(breakable)
    provider = breakable.provider
    received = provider.stats.received
    used, reserved = await breakable.budget("acme")
    provider.script(Hang(answer("never heard")), answer("heard"))
    waiting = asyncio.create_task(breakable.post(BODY, headers={"Prefer": "wait=50"}))
    await provider.until(lambda stats: stats.received == received + 1)
    await breakable.servers.kill("assay-worker")
    response = await waiting
    assert response.status_code == 200, response.text
    run = response.json()
    assert run["result"]["content"] == "heard"
    assert provider.stats.received == received + 2
    records = await breakable.records(run["id"])
    assert [record["kind"] for record in records] == ["completed", "admitted"]
    assert await breakable.budget("acme") == (used + run["usage"]["total_tokens"], reserved)


async def test_a_worker_that_is_restarted_in_order_hands_its_calls_over(breakable: Gateway):
    await ready(breakable)
    provider = breakable.provider
    received = provider.stats.received
    provider.script(Hang(answer("never heard")), answer("handed over"))
    waiting = asyncio.create_task(breakable.post(BODY, headers={"Prefer": "wait=50"}))
    await provider.until(lambda stats: stats.received == received + 1)
    await breakable.servers.restart("assay-worker")
    response = await waiting
    assert response.status_code == 200, response.text
    assert response.json()["result"]["content"] == "handed over"
    assert [record["kind"] for record in await breakable.records(response.json()["id"])] == ["completed", "admitted"]


async def test_postgres_killed_under_load_loses_and_doubles_nothing(breakable: Gateway):
    await ready(breakable)
    before = await breakable.budget("acme")

    async def ask(number: int) -> httpx2.Response:
        return await breakable.post({"model": "fake", "prompt": f"Question {number}"}, headers={"Prefer": "wait=40"})

    received = breakable.provider.stats.received
    asked = [asyncio.create_task(ask(number)) for number in range(20)]
    await breakable.provider.until(lambda stats: stats.received > received + 2)
    await breakable.servers.kill("postgres")
    asked += [asyncio.create_task(ask(number)) for number in range(20, 30)]
    responses = await asyncio.gather(*asked)
    statuses = Counter(response.status_code for response in responses)
    assert set(statuses) <= {200, 503}, statuses
    assert statuses[200] > 0
    assert all("retry-after" in response.headers for response in responses if response.status_code == 503)
    await ready(breakable)
    tokens = 0
    for response in responses:
        if response.status_code == 200:
            run = response.json()
            kinds = [record["kind"] for record in await breakable.records(run["id"])]
            assert kinds == ["completed", "admitted"]
            tokens += run["usage"]["total_tokens"]
    used, reserved = await breakable.budget("acme")
    assert (used - before[0], reserved) == (tokens, before[1])


async def test_postgres_killed_under_load_of_prompts_that_lie_in_it_loses_none(breakable: Gateway):
    await ready(breakable)
    prompt = "maple oak pine rowan spruce teak " * 8000

    async def ask(number: int) -> httpx2.Response:
        return await breakable.post({"model": "fake", "prompt": f"{number} {prompt}"}, headers={"Prefer": "wait=50"})

    [before] = await breakable.superuser("SELECT count(*) AS stored FROM assay.payload")
    asked = [asyncio.create_task(ask(number)) for number in range(6)]

    async def some_are_stored() -> bool:
        [row] = await breakable.superuser("SELECT count(*) AS stored FROM assay.payload")
        return row["stored"] > before["stored"] + 4

    await eventually(some_are_stored)
    await breakable.servers.kill("postgres")
    asked += [asyncio.create_task(ask(number)) for number in range(6, 9)]
    responses = await asyncio.gather(*asked)
    await ready(breakable)
    statuses = Counter(response.status_code for response in responses)
    assert set(statuses) <= {200, 202, 503}, statuses
    assert statuses[200] + statuses[202] > 0
    for response in responses:
        if response.status_code == 503:
            assert "retry-after" in response.headers
            assert "run" not in response.json()  # refused at the door: what was accepted does not fail
        else:
            run = await breakable.until_ended(response.json()["id"], seconds=90)
            assert run["status"] == "completed"
            assert [record["kind"] for record in await breakable.records(run["id"])] == ["completed", "admitted"]


async def test_nothing_is_decoded_while_it_cannot_be_recorded(breakable: Gateway):
    await ready(breakable)
    await breakable.token("acme-auditor")
    run = (await breakable.post({"model": "fake", "prompt": "A prompt to be decoded"})).json()
    shown = breakable.temporal_cli("workflow", "show", "--workflow-id", run["id"], "--output", "json")
    started = json.loads(shown.stdout)["events"][0]["workflowExecutionStartedEventAttributes"]
    with suspended(breakable, "postgres"):
        refused = await breakable.post(started["input"], "acme-auditor", "/codec/decode")
        assert (refused.status_code, refused.json()["type"]) == (503, "urn:assay:problem:store-unavailable")
        assert set(refused.json()) == {"type", "title", "status", "detail"}
    await ready(breakable)
    decoded = await breakable.post(started["input"], "acme-auditor", "/codec/decode")
    assert decoded.status_code == 200, decoded.text
    assert "A prompt to be decoded" in base64.b64decode(decoded.json()["payloads"][0]["data"]).decode()
    assert "payload_decoded" in {record["kind"] for record in await breakable.records(run["id"])}


async def test_a_stopped_vault_turns_readiness_off_and_heals_by_itself(breakable: Gateway):
    await ready(breakable)
    await breakable.token("globex-app")
    with suspended(breakable, "openbao"):
        await ready(breakable, 503)
        body = (await breakable.http.get("/readyz")).json()
        assert body["checks"]["vault"] != "ok"
        form = {"grant_type": "client_credentials"}
        response = await breakable.http.post("/oauth/token", data=form, auth=breakable.credentials("acme-other"))
        assert response.status_code == 503
        assert response.json()["type"] == "urn:assay:problem:vault-unavailable"
        assert int(response.headers["retry-after"]) >= 1
        refused = await breakable.post(BODY)
        assert (refused.status_code, refused.json()["type"]) == (503, "urn:assay:problem:vault-unavailable")
        assert int(refused.headers["retry-after"]) >= 1
        assert (await breakable.http.get("/healthz")).status_code == 200
    await ready(breakable)
    assert (await breakable.post(BODY)).status_code == 200


async def test_a_sealed_vault_is_no_service_until_it_is_unsealed(breakable: Gateway):
    await ready(breakable)
    root = new_client(breakable.local.vault, breakable.servers.vault_root_token)
    await asyncio.to_thread(root.sys.seal)
    root.adapter.close()
    await ready(breakable, 503)
    await breakable.servers.kill("openbao")  # it unseals itself when it starts
    await ready(breakable)
    assert (await breakable.post(BODY)).status_code == 200


async def test_temporal_killed_gives_503_and_then_the_answer(breakable: Gateway):
    await ready(breakable)
    received = breakable.provider.stats.received
    breakable.provider.script(Hang(answer("through it all")))
    accepted = await breakable.post(BODY, headers={"Prefer": "respond-async"})
    await breakable.provider.until(lambda stats: stats.received > received)
    with suspended(breakable, "temporal"):
        await ready(breakable, 503)
        response = await breakable.post(BODY, headers={"Prefer": "wait=1"})
        assert response.status_code == 503
        assert response.json()["type"] == "urn:assay:problem:engine-unavailable"
        assert "retry-after" in response.headers
    await breakable.servers.kill("temporal")
    await ready(breakable)
    breakable.provider.release()
    ended = await breakable.until_ended(accepted.json()["id"])
    assert ended["status"] == "completed", ended
    assert [record["kind"] for record in await breakable.records(ended["id"])] == ["completed", "admitted"]


async def test_an_api_killed_while_its_caller_waits_loses_no_run(breakable: Gateway):
    await ready(breakable)
    received = breakable.provider.stats.received
    breakable.provider.script(Hang(answer("still here")))
    key = {"Idempotency-Key": "survives-the-api"}
    waiting = asyncio.create_task(breakable.post(BODY, headers=key))
    await breakable.provider.until(lambda stats: stats.received > received)
    await breakable.servers.kill("assay-api")
    outcome = (await asyncio.gather(waiting, return_exceptions=True))[0]
    assert isinstance(outcome, httpx2.HTTPError)
    await breakable.servers.until_ready("assay-api")
    breakable.provider.release()
    again = await breakable.post(BODY, headers=key)
    assert again.json()["result"]["content"] == "still here"
    assert breakable.provider.stats.received == received + 1
