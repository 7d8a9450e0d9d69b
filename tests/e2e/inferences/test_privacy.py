"""Secrets and personal data, from a caller's request to the model, the record and back."""

from typing import Any

from cli.wiring.offline_checks import verify_receipt
from tests.fakes.behaviours import Made, answer
from tests.gateway import Gateway

KEY = "AKIAQWERTYUIOPASDFGH"
CARD = "4111 1111 1111 1111"
ALICE = "alice@example.com"
PHONE = "+44 20 7946 0958"
BODY = {"model": "fake", "prompt": f"Write to {ALICE}, call {PHONE}, charge {CARD}; {ALICE} knows the key {KEY}"}


def asked(gateway: Gateway) -> str:
    return str(gateway.provider.requests[-1].json()["messages"][-1]["content"])


async def content_of(gateway: Gateway, run_id: str) -> list[dict[str, Any]]:
    """Return the decrypted records of a run, as an auditor reads them."""
    response = await gateway.get(f"/v1/audit/events?run={run_id}&plaintext=true", "acme-auditor")
    assert response.status_code == 200, response.text
    return [event["content"] for event in response.json()["events"]]


async def test_the_model_sees_placeholders_and_the_caller_the_data(gateway: Gateway):
    gateway.provider.script(Made(lambda: answer(f"I was asked: {asked(gateway)}")))
    response = await gateway.post(BODY)
    assert response.status_code == 200, response.text
    run = response.json()
    for datum in (KEY, CARD, ALICE, PHONE):
        assert datum not in gateway.provider.requests[-1].body.decode()
    assert asked(gateway).startswith("Write to [EMAIL_")
    content = run["result"]["content"]
    assert content.startswith(
        f"I was asked: Write to {ALICE}, call {PHONE}, charge {CARD}; {ALICE} knows the key [API_KEY_"
    )
    assert KEY not in content
    assert (run["masked"], run["redacted"]) == ({"email": 2, "phone": 1, "card_number": 1}, {"api_key": 1})
    assert await gateway.run(run["id"]) == run


async def test_the_receipt_is_about_what_was_sent_and_got_and_the_record_holds_neither(gateway: Gateway):
    gateway.provider.script(Made(lambda: answer(f"I was asked: {asked(gateway)}")))
    run = (await gateway.post(BODY)).json()
    jwks = (await gateway.http.get("/.well-known/jwks.json")).json()
    assert verify_receipt(run, jwks, BODY)["checked"] == "signature, answer, request"
    for record in await gateway.records(run["id"]):
        assert record["fields"]["masked"] == {"email": 2, "phone": 1, "card_number": 1}
        assert record["fields"]["redacted"] == {"api_key": 1}
    contents = await content_of(gateway, run["id"])
    assert len(contents) == 2
    for held in contents:
        assert "[EMAIL_" in held["prompt"]
        assert not any(datum in str(held) for datum in (KEY, CARD, ALICE, PHONE))


async def test_a_datum_that_may_not_be_sent_is_named_by_place_and_stays_unsaid(gateway: Gateway):
    before = len(gateway.provider.requests)
    response = await gateway.post({"model": "fake", "prompt": f"Charge {CARD} for {ALICE}"}, "globex-app")
    assert response.status_code == 403
    problem = response.json()
    assert problem["type"] == "urn:assay:problem:sensitive-data-blocked"
    assert (problem["field"], problem["rules"]) == ("prompt", ["card_number"])
    assert "card_number at 7-26" in problem["detail"]
    assert response.headers["x-should-retry"] == "false"
    assert problem["run"]["status"] == "blocked"
    assert not any(datum in response.text for datum in (CARD, ALICE))
    assert len(gateway.provider.requests) == before
    response = await gateway.get(f"/v1/audit/events?run={problem['run']['id']}&plaintext=true", "globex-auditor")
    (event,) = response.json()["events"]
    assert event["fields"]["refusal"] == "sensitive-data-blocked"
    assert "[CARD_NUMBER_" in event["content"]["prompt"]
    assert not any(datum in str(event) for datum in (CARD, ALICE))


async def test_an_image_that_a_manipulated_model_makes_up_carries_nothing_off(gateway: Gateway):
    def led_astray() -> Any:
        placeholder = asked(gateway).split()[-1]
        return answer(f"Look: see //evil.example/{placeholder} and {placeholder}")

    gateway.provider.script(Made(led_astray))
    run = (await gateway.post({"model": "fake", "prompt": f"Write to {ALICE}"})).json()
    content = run["result"]["content"]
    assert content.endswith(f" and {ALICE}")
    assert "//evil.example/[EMAIL_" in content
