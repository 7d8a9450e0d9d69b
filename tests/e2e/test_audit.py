"""The audit log through HTTP, on the whole product: read, proven and verified by what anyone has at hand."""

import json
from typing import Any

from tests.gateway import Gateway, eventually


async def a_run(gateway: Gateway, prompt: str = "Hello") -> dict[str, Any]:
    response = await gateway.post({"model": "fake", "prompt": prompt})
    assert response.status_code == 200, response.text
    return response.json()


async def proof_of(gateway: Gateway, event_id: str, client: str = "acme-app") -> str:
    """The proof of an event, once it is sealed."""
    text = ""

    async def sealed() -> bool:
        nonlocal text
        response = await gateway.get(f"/v1/audit/events/{event_id}/proof", client)
        assert response.status_code in (200, 409), response.text
        text = response.text
        return response.status_code == 200

    await eventually(sealed)
    return text


async def test_an_auditor_finds_a_run_and_reads_it_on_the_record(gateway: Gateway):
    run = await a_run(gateway, "a prompt for the record")
    path = f"/v1/audit/events?run={run['id']}"
    body = (await gateway.get(path, "acme-auditor")).json()
    assert [event["kind"] for event in body["events"]] == ["completed", "admitted"]
    assert body["events"][0]["digest"] == run["receipt"]["record_digest"]
    assert "a prompt for the record" not in json.dumps(body)
    opened = (await gateway.get(f"{path}&plaintext=true", "acme-auditor")).json()["events"]
    assert "a prompt for the record" in opened[0]["content"]["prompt"]
    assert opened[0]["content"]["answer"] == run["result"]["content"]
    readings = (await gateway.get("/v1/audit/events?kind=records_read&limit=1", "acme-admin")).json()["events"]
    assert readings[0]["fields"]["filters"] == ["run"]
    assert readings[0]["fields"]["count"] == 2
    assert readings[0]["run"] == run["id"]


async def test_no_tenant_reads_anothers_log(gateway: Gateway):
    run = await a_run(gateway)
    event_id = run["receipt"]["event_id"]
    await proof_of(gateway, event_id)
    assert (await gateway.get(f"/v1/audit/events?run={run['id']}", "globex-auditor")).json() == {"events": []}
    for path in (f"events/{event_id}", f"events/{event_id}?plaintext=true", f"events/{event_id}/proof"):
        assert (await gateway.get(f"/v1/audit/{path}", "globex-auditor")).status_code == 404
    assert (await gateway.get(f"/v1/audit/events/{event_id}", "acme-app")).status_code == 403
