"""Idempotency keys whose run ended in a passing fault: a further attempt, which names the run before."""

import pytest

from tests.fakes.behaviours import Behaviour, answer, completion, document, status
from tests.gateway import Gateway


async def test_a_key_gets_a_further_attempt_after_a_passing_fault_and_then_its_answer(gateway: Gateway):
    body, key = {"model": "fake", "prompt": "Hello"}, {"Idempotency-Key": "passing"}
    gateway.provider.script(
        status(429, {"retry-after": "3600"}), status(429, {"retry-after": "3600"}), answer("rested")
    )
    first = await gateway.post(body, headers=key)
    assert (first.status_code, first.headers["retry-after"]) == (503, "3600")
    second = await gateway.post(body, headers=key)
    third = await gateway.post(body, headers=key)
    assert (second.status_code, third.status_code) == (503, 200), third.text
    ids = [first.json()["run"]["id"], second.json()["run"]["id"], third.json()["id"]]
    assert ids == [ids[0], f"{ids[0]}.2", f"{ids[0]}.3"]
    assert "earlier_attempt" not in first.json()["run"]
    assert [second.json()["run"]["earlier_attempt"], third.json()["earlier_attempt"]] == ids[:2]
    calls = gateway.provider.stats.received
    again = await gateway.post(body, headers=key)
    assert again.json() == third.json()
    assert gateway.provider.stats.received == calls
    records = await gateway.records(ids[2])
    assert [(record["kind"], record["fields"]["earlier_attempt"]) for record in records] == [
        ("completed", ids[1]), ("admitted", ids[1]),
    ]  # fmt: skip
    assert await gateway.run(ids[2]) == third.json()
    other = await gateway.post({**body, "prompt": "Another"}, headers=key)
    assert (other.status_code, other.json()["type"]) == (422, "urn:assay:problem:idempotency-mismatch")


@pytest.mark.parametrize(
    ("name", "behaviour"),
    [("rejected", status(400)), ("filtered", document(completion(None, finish_reason="content_filter")))],
)
async def test_a_key_keeps_what_does_not_pass(gateway: Gateway, name: str, behaviour: Behaviour):
    body, key = {"model": "fake", "prompt": "Hello"}, {"Idempotency-Key": name}
    gateway.provider.script(behaviour)
    first = await gateway.post(body, headers=key)
    calls = gateway.provider.stats.received
    again = await gateway.post(body, headers=key)
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert gateway.provider.stats.received == calls
