"""A model that is down, slow, or answers garbage: retried by class, then a problem, refunded and recorded."""

import pytest

from tests.fakes.behaviours import Drop, Hang, answer, completion, document, garbage, status
from tests.gateway import Gateway


async def test_a_passing_fault_is_retried_and_the_caller_never_knows(gateway: Gateway):
    before = gateway.provider.stats.received
    gateway.provider.script(status(503), Drop(), answer("third time lucky"))
    response = await gateway.post({"model": "fake", "prompt": "Hello"})
    assert response.status_code == 200, response.text
    assert response.json()["result"]["content"] == "third time lucky"
    assert gateway.provider.stats.received == before + 3
    keys = {request.headers["idempotency-key"] for request in gateway.provider.requests[-3:]}
    assert len(keys) == 1


async def test_the_providers_retry_after_is_honoured(gateway: Gateway):
    gateway.provider.script(status(429, headers={"Retry-After": "2"}), answer("rested"))
    response = await gateway.post({"model": "fake", "prompt": "Hello"})
    assert response.json()["result"]["content"] == "rested"
    history = gateway.temporal_cli("workflow", "show", "--workflow-id", response.json()["id"], "--output", "json")
    assert history.returncode == 0, history.stderr


@pytest.mark.parametrize(
    ("behaviour", "attempts", "http", "kind"),
    [
        (status(503), 4, 502, "provider-unavailable"),
        (status(400), 1, 502, "provider-rejected"),
        (status(401), 1, 502, "provider-rejected"),
        (garbage(), 2, 502, "provider-garbled"),
        (status(429), 4, 503, "provider-rate-limited"),
    ],
    ids=["down", "rejects", "wrong-key", "garbage", "busy"],
)
async def test_a_fault_that_stays_is_a_problem_refunded_and_recorded(gateway: Gateway, behaviour, attempts, http, kind):
    before = gateway.provider.stats.received
    budget = await gateway.budget("acme")
    gateway.provider.script(*[behaviour] * attempts)
    response = await gateway.post({"model": "fake", "prompt": "Hello"})
    assert response.status_code == http, response.text
    body = response.json()
    assert body["type"] == f"urn:assay:problem:{kind}"
    assert body["run"]["status"] == "failed"
    assert response.headers["x-should-retry"] == "false"
    assert gateway.provider.stats.received == before + attempts
    assert await gateway.budget("acme") == budget
    kinds = [(record["kind"], record["refusal"]) for record in await gateway.records(body["run"]["id"])]
    assert kinds == [("failed", kind), ("admitted", None)]
    assert (await gateway.run(body["run"]["id"]))["status"] == "failed"


@pytest.mark.parametrize(
    ("behaviour", "calls", "http", "kind", "charged"),
    [
        (document({**completion(None), "choices": []}), 2, 502, "provider-garbled", 34),
        (document(completion(None, finish_reason="content_filter")), 1, 403, "provider-filtered", 17),
        (status(400, error={"code": "content_filter"}), 1, 403, "provider-filtered", 0),
        (status(400, error={"message": "prompt is too long: 9 tokens > 8 maximum"}), 1, 422, "context-exceeded", 0),
        (
            document(
                {**completion(None), "choices": [{"message": {"tool_calls": [{}]}, "finish_reason": "tool_calls"}]}
            ),
            1,
            502,
            "unrequested-tool-call",
            17,
        ),
    ],
    ids=["no choice", "filtered answer", "filtered prompt", "too long", "tool call"],
)
async def test_what_a_provider_was_paid_is_charged(gateway: Gateway, behaviour, calls, http, kind, charged):
    before, (used, _) = gateway.provider.stats.received, await gateway.budget("acme")
    gateway.provider.script(*[behaviour] * calls)
    response = await gateway.post({"model": "fake", "prompt": "Hello"})
    assert (response.status_code, response.json()["type"]) == (http, f"urn:assay:problem:{kind}"), response.text
    assert gateway.provider.stats.received == before + calls
    assert await gateway.budget("acme") == (used + charged, 0)


async def test_a_time_out_is_charged_by_its_bound_and_said_in_the_record(gateway: Gateway):
    before, (used, _) = gateway.provider.stats.received, await gateway.budget("acme")
    gateway.provider.script(status(504))
    response = await gateway.post({"model": "fake", "prompt": "Hello"})
    assert response.status_code == 504
    assert gateway.provider.stats.received == before + 1
    outcome, admitted = await gateway.records(response.json()["run"]["id"])
    bound = admitted["fields"]["reserved_tokens"]
    assert (outcome["fields"]["attempts_lost"], outcome["fields"]["attempts_lost_tokens"]) == (1, bound)
    assert await gateway.budget("acme") == (used + bound, 0)


async def test_reasoning_that_leaves_no_answer_is_an_empty_one_and_charged(gateway: Gateway):
    usage = {"prompt_tokens": 12, "completion_tokens": 256, "total_tokens": 268}
    before, (used, _) = gateway.provider.stats.received, await gateway.budget("acme")
    gateway.provider.script(document(completion(None, usage, "length")))
    response = await gateway.post({"model": "fake", "prompt": "Hello"})
    assert response.status_code == 200, response.text
    assert (response.json()["result"]["content"], response.json()["result"]["finish_reason"]) == ("", "length")
    assert gateway.provider.stats.received == before + 1
    assert await gateway.budget("acme") == (used + 268, 0)


@pytest.mark.parametrize("code", [402, 404])
async def test_a_fallback_is_asked_where_the_first_has_no_credit_or_no_such_model(gateway: Gateway, code):
    gateway.provider.script(status(code), answer("from the second"))
    response = await gateway.post({"model": "fake-with-fallback", "prompt": "Hello"})
    assert response.status_code == 200, response.text
    assert response.json()["result"]["model"] == "fake"


async def test_a_prompt_beyond_the_models_context_is_the_callers_to_mend(gateway: Gateway):
    """The real model's error is reported in Assay's terms."""
    budget = await gateway.budget("acme")
    response = await gateway.post({"model": "smollm2", "prompt": "word " * 3000, "max_tokens": 8})
    assert response.status_code == 422, response.text
    body = response.json()
    assert body["type"] == "urn:assay:problem:context-exceeded"
    assert body["field"] == "prompt"
    assert body["run"]["status"] == "refused"
    assert await gateway.budget("acme") == budget


async def test_a_prompt_that_is_certainly_beyond_the_context_is_refused_with_numbers(gateway: Gateway):
    budget = await gateway.budget("acme")
    response = await gateway.post({"model": "smollm2", "prompt": "word " * 5000, "max_tokens": 8})
    body = response.json()
    assert (response.status_code, body["type"], body["field"]) == (422, "urn:assay:problem:context-exceeded", "prompt")
    assert "at least 2750 by the estimate" in body["detail"]
    assert "2048" in body["detail"]
    assert await gateway.budget("acme") == budget
    kinds = [(record["kind"], record["refusal"]) for record in await gateway.records(body["run"]["id"])]
    assert kinds == [("refused", "context-exceeded")]


async def test_another_model_of_the_policy_steps_in(gateway: Gateway):
    gateway.provider.script(*[status(503)] * 4, answer("from the second"))
    response = await gateway.post({"model": "fake-with-fallback", "prompt": "Hello"})
    assert response.status_code == 200, response.text
    assert response.json()["result"]["model"] == "fake"
    assert response.json()["result"]["content"] == "from the second"
    [outcome, _] = await gateway.records(response.json()["id"])
    assert outcome["fields"]["model"] == "fake"


async def test_a_model_that_times_out_is_called_once_and_its_fallback_answers(gateway: Gateway):
    before = gateway.provider.stats.received
    gateway.provider.script(Hang(answer("too late")), answer("from the second"))
    response = await gateway.post({"model": "fake-hasty", "prompt": "Hello"})
    assert response.status_code == 200, response.text
    assert response.json()["result"]["content"] == "from the second"
    assert response.json()["result"]["model"] == "fake"
    assert gateway.provider.stats.received == before + 2
    assert await gateway.provider.until(lambda stats: stats.disconnected > 0)
