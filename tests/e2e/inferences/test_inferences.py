"""A submitter's view, through HTTP only: answers, waiting, repeats, cancelling."""

import asyncio
import re

import pytest

from cli.wiring.offline_checks import verify_receipt
from services.verification.receipts import ReceiptInvalid
from tests.fakes.behaviours import Hang, answer, completion, document
from tests.gateway import Gateway

RUN_ID = re.compile(r"inf\.acme\.[a-z2-7]{32}\Z")


async def test_the_real_model_answers_with_a_receipt_that_verifies_offline(gateway: Gateway):
    body = {"model": "smollm2", "prompt": "What is the capital of France?", "max_tokens": 24, "temperature": 0.0}
    response = await gateway.post(body)
    assert response.status_code == 200, response.text
    run = response.json()
    assert RUN_ID.match(run["id"])
    assert response.headers["x-request-id"] == run["id"]
    assert run["status"] == "completed"
    assert run["decision"] == "allow"
    assert run["result"]["content"].strip()
    assert run["usage"]["total_tokens"] == run["usage"]["prompt_tokens"] + run["usage"]["completion_tokens"]
    jwks = (await gateway.http.get("/.well-known/jwks.json")).json()
    assert verify_receipt(run, jwks, body)["checked"] == "signature, answer, request"
    assert await gateway.run(run["id"]) == run


async def test_a_models_own_refusal_is_shown_as_one_and_its_receipt_verifies(gateway: Gateway):
    said = {"role": "assistant", "content": None, "refusal": "I can't help with that."}
    refusal = document({**completion(None), "choices": [{"index": 0, "message": said, "finish_reason": "stop"}]})
    jwks = (await gateway.http.get("/.well-known/jwks.json")).json()
    parts = [{"type": "refusal", "text": "I can't help with that."}]
    gateway.provider.script(refusal)
    body = {"model": "fake", "prompt": "Hello"}
    run = (await gateway.post(body)).json()
    assert (run["status"], run["result"]["content"], run["result"]["parts"]) == ("completed", parts[0]["text"], parts)
    assert verify_receipt(run, jwks, body)["checked"] == "signature, answer, request"


async def test_a_receipt_does_not_hold_for_another_answer_request_or_run(gateway: Gateway):
    body = {"model": "fake", "prompt": "Hello"}
    run = (await gateway.post(body)).json()
    jwks = (await gateway.http.get("/.well-known/jwks.json")).json()
    assert verify_receipt(run, jwks, body)["outcome"] == "completed"
    other_answer = {**run, "result": {**run["result"], "content": "Something else"}}
    receipt = run["receipt"]
    header, claims, signature = receipt["statement"].split(".")
    forged = {**run, "receipt": {**receipt, "statement": f"{header}.{claims[:-2]}AA.{signature}"}}
    for shown, sent in [
        (other_answer, body),
        (run, {**body, "prompt": "Goodbye"}),
        ({**run, "id": run["id"][:-1] + ("b" if run["id"].endswith("a") else "a")}, body),
        ({**run, "receipt": {**receipt, "record_digest": "0" * 64}}, body),
        (forged, body),
        (run | {"receipt": None}, body),
    ]:
        with pytest.raises(ReceiptInvalid):
            verify_receipt(shown, jwks, sent)
    with pytest.raises(ReceiptInvalid):
        verify_receipt(run, {"keys": []}, body)


async def test_the_model_gets_the_sanitised_messages_and_the_providers_key(gateway: Gateway):
    gateway.provider.script(answer("fine"))
    messages = [{"role": "system", "content": "Be\u200b brief."}, {"role": "user", "content": "Ｈｉ\u202e there"}]
    response = await gateway.post({"model": "fake", "messages": messages, "temperature": 0.25, "max_tokens": 7})
    # hidden direction marks are held for a review, whatever they hide; so ask again without them
    assert response.status_code == 403
    messages[1]["content"] = "Ｈｉ there\u200b, ①500円"
    response = await gateway.post({"model": "fake", "messages": messages, "temperature": 0.25, "max_tokens": 7})
    assert response.status_code == 200, response.text
    sent = gateway.provider.requests[-1]
    assert sent.json()["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Ｈｉ there, ①500円"},
    ]
    assert sent.json()["temperature"] == 0.25
    assert sent.json()["max_tokens"] == 7
    assert sent.headers["authorization"].startswith("Bearer ")
    assert "zero_width" in " ".join(response.json()["removed"])


async def test_respond_async_gives_a_location_that_leads_to_the_answer(gateway: Gateway):
    response = await gateway.post({"model": "fake", "prompt": "Hello"}, headers={"Prefer": "respond-async"})
    assert response.status_code == 202
    assert response.headers["preference-applied"] == "respond-async"
    assert response.json()["status"] == "running"
    location = response.headers["location"]
    assert location == f"/v1/inferences/{response.json()['id']}"
    ended = await gateway.until_ended(response.json()["id"])
    assert ended["status"] == "completed"
    assert ended["result"]["content"]


async def test_a_caller_waits_as_long_as_they_prefer(gateway: Gateway):
    gateway.provider.script(Hang(answer("late")))
    received = gateway.provider.stats.received
    response = await gateway.post({"model": "fake", "prompt": "Hello"}, headers={"Prefer": "wait=1"})
    assert response.status_code == 202
    assert response.headers["preference-applied"] == "wait=1"
    await gateway.provider.until(lambda stats: stats.received > received)
    gateway.provider.release()
    ended = await gateway.until_ended(response.json()["id"])
    assert ended["result"]["content"] == "late"


async def test_the_same_key_gives_the_same_run_and_one_call_of_the_model(gateway: Gateway):
    body, key = {"model": "fake", "prompt": "Once only"}, {"Idempotency-Key": "once-only"}
    before = gateway.provider.stats.received
    responses = await asyncio.gather(*(gateway.post(body, headers=key) for _ in range(8)))
    assert {response.status_code for response in responses} == {200}
    assert len({response.json()["id"] for response in responses}) == 1
    again = await gateway.post(body, headers=key)
    assert again.json() == responses[0].json()
    assert gateway.provider.stats.received == before + 1
    assert [r["kind"] for r in await gateway.records(again.json()["id"])] == ["completed", "admitted"]


async def test_the_same_key_with_another_body_is_refused(gateway: Gateway):
    key = {"Idempotency-Key": "mismatch"}
    assert (await gateway.post({"model": "fake", "prompt": "One"}, headers=key)).status_code == 200
    response = await gateway.post({"model": "fake", "prompt": "Two"}, headers=key)
    assert response.status_code == 422
    assert response.json()["type"] == "urn:assay:problem:idempotency-mismatch"
    gateway.provider.script(Hang(answer("x")))
    received = gateway.provider.stats.received
    running = {"Idempotency-Key": "mismatch-running", "Prefer": "respond-async"}
    first = await gateway.post({"model": "fake", "prompt": "One"}, headers=running)
    assert first.status_code == 202
    assert (await gateway.post({"model": "fake", "prompt": "Two"}, headers=running)).status_code == 422
    await gateway.provider.until(lambda stats: stats.received > received)
    gateway.provider.release()
    assert (await gateway.until_ended(first.json()["id"]))["status"] == "completed"


async def test_the_same_key_of_two_callers_gives_two_runs(gateway: Gateway):
    body, key = {"model": "fake", "prompt": "Mine"}, {"Idempotency-Key": "shared"}
    ids = {
        (await gateway.post(body, client, headers=key)).json()["id"]
        for client in ("acme-app", "acme-other", "globex-app")
    }
    assert len(ids) == 3


async def test_a_cancelled_run_ends_its_call_and_charges_the_prompt(gateway: Gateway):
    gateway.provider.script(Hang(answer("never")))
    received, left = gateway.provider.stats.received, gateway.provider.stats.disconnected
    used, _ = await gateway.budget("acme")
    run_id = (await gateway.post({"model": "fake", "prompt": "Stop me"}, headers={"Prefer": "respond-async"})).json()[
        "id"
    ]
    await gateway.provider.until(lambda stats: stats.received > received)
    token = await gateway.token()
    response = await gateway.http.post(f"/v1/inferences/{run_id}/cancel", headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 202
    ended = await gateway.until_ended(run_id)
    assert ended["status"] == "cancelled"
    await gateway.provider.until(lambda stats: stats.disconnected > left)
    [outcome, admitted] = await gateway.records(run_id)
    assert (outcome["kind"], admitted["kind"]) == ("cancelled", "admitted")
    assert outcome["fields"]["usage_estimated"] is True
    now_used, reserved = await gateway.budget("acme")
    assert now_used - used == outcome["fields"]["prompt_tokens"] > 0
    assert reserved == 0
    repeated = await gateway.http.post(f"/v1/inferences/{run_id}/cancel", headers={"Authorization": f"Bearer {token}"})
    assert repeated.status_code == 200
    assert repeated.json()["status"] == "cancelled"


async def test_a_run_is_its_callers_own(gateway: Gateway):
    run_id = (await gateway.post({"model": "fake", "prompt": "Private"})).json()["id"]
    assert (await gateway.get(f"/v1/inferences/{run_id}", "acme-auditor")).status_code == 200
    for client in ("acme-other", "globex-app"):
        response = await gateway.get(f"/v1/inferences/{run_id}", client)
        assert response.status_code == 404
        token = await gateway.token(client)
        cancel = await gateway.http.post(
            f"/v1/inferences/{run_id}/cancel", headers={"Authorization": f"Bearer {token}"}
        )
        assert cancel.status_code == 404
    for odd in ("nothing", "inf.acme." + "a" * 32, "inf.globex." + "a" * 32, "%2e%2e", "x" * 3000):
        assert (await gateway.get(f"/v1/inferences/{odd}")).status_code == 404


async def test_the_tutorials_endpoint_answers(gateway: Gateway):
    response = await gateway.post({"prompt": "Say hello."}, path="/ai/predict")
    assert response.status_code == 200, response.text
    body = response.json()
    assert body["result"]
    assert body["model"] == "smollm2"
    assert response.headers["x-request-id"] == body["id"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"prompt": ""}, "prompt"),
        ({"prompt": "x" * 1025}, "prompt"),
        ({"prompt": "x", "temperature": 3}, "temperature"),
        ({"prompt": "x", "model": "fake"}, "model"),
        ({}, "prompt"),
    ],
)
async def test_the_tutorials_endpoint_names_the_field(gateway: Gateway, body, field):
    response = await gateway.post(body, path="/ai/predict")
    assert response.status_code == 422
    assert response.json()["field"] == field
