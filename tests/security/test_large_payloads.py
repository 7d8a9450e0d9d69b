"""A prompt of 400 KiB through the whole product, and forged references to stored payloads."""

import base64
import hashlib
import json
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.common import RawValue

from adapters.temporal.payload_driver import NAME
from assay_temporal.codec import ENCODING
from assay_temporal.contracts import WORKFLOW
from tests.gateway import eventually
from tests.security.conftest import Scene

MOST_BYTES = 32 * 1024
REFERENCE = "temporal.api.sdk.v1.ExternalStorageReference"


def payloads_in(value: Any) -> Iterator[dict[str, Any]]:
    """Every payload in a history's JSON."""
    if isinstance(value, dict):
        if "metadata" in value and "encoding" in (value["metadata"] or {}):
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from payloads_in(inner)


def text(encoded: str) -> str:
    return base64.b64decode(encoded).decode()


async def test_the_history_of_a_large_prompt_is_small(sealed: Scene) -> None:
    small, large = (len(sealed.evidence["histories as protobuf"][name]) for name in ("completed", "large"))
    assert large < MOST_BYTES
    assert large < 2 * small
    run = await sealed.gateway.run(sealed.planted.runs["large"])
    assert run["status"] == "completed"
    sent = next(request for request in sealed.gateway.provider.requests if len(request.body) > MOST_BYTES)
    assert sealed.planted.canaries.planted["large prompt"] in sent.json()["messages"][0]["content"]


def test_the_history_shows_references_and_ciphertext_alone(sealed: Scene) -> None:
    history = json.loads(sealed.evidence["histories as JSON"]["large"])
    found = list(payloads_in(history))
    references = [payload for payload in found if text(payload["metadata"]["encoding"]) == "json/protobuf"]
    assert {text(payload["metadata"]["messageType"]) for payload in references} == {REFERENCE}
    stored = sealed.evidence["stored payloads"]
    for reference in references:
        shown = json.loads(text(reference["data"]))
        assert shown == {"driverName": NAME, "claimData": {"sha256": shown["claimData"]["sha256"]}}
        assert shown["claimData"]["sha256"] in stored
    assert len(references) >= 2  # sent, given to the model; a stage that is repeated has more
    others = {text(payload["metadata"]["encoding"]) for payload in found if payload not in references}
    assert others - {"json/plain"} == {ENCODING.decode()}  # search attributes are plain by nature


async def test_what_is_stored_is_the_codecs_and_bound_to_its_run(sealed: Scene) -> None:
    for name, content in sealed.evidence["stored payloads"].items():
        assert hashlib.sha256(content).hexdigest() == name
        payload = Payload.FromString(content)
        assert payload.metadata["encoding"] == ENCODING
        assert payload.metadata["assay-workflow"].decode() == sealed.planted.runs["large"]
    rows = await sealed.gateway.superuser("SELECT DISTINCT tenant, workflow_id FROM assay.payload")
    assert [tuple(row) for row in rows] == [("acme", sealed.planted.runs["large"])]


def _reference(digest: str, driver: str = NAME, **more: bytes) -> Payload:
    data = json.dumps({"driverName": driver, "claimData": {"sha256": digest}}).encode()
    metadata = {"encoding": b"json/protobuf", "messageType": REFERENCE.encode(), **more}
    return Payload(metadata=metadata, data=data)


@pytest.mark.parametrize("kind", ["another's", "lost", "of another driver", "marked", "no JSON"])
async def test_a_start_that_refers_to_a_stored_payload_is_refused_by_name(sealed: Scene, kind: str) -> None:
    theirs = next(iter(sealed.evidence["stored payloads"]))
    argument = {
        "another's": _reference(theirs),
        "lost": _reference("0" * 64),
        "of another driver": _reference(theirs, "aws.s3driver"),
        "marked": _reference(theirs, __temporal_external_storage_reference=b"true"),
        "no JSON": Payload(metadata=_reference(theirs).metadata, data=b"{"),
    }[kind]
    here = sealed.gateway.local.temporal
    client = await Client.connect(here.address, namespace=here.namespace)
    workflow_id = f"by-reference-{secrets.token_hex(8)}"
    await client.start_workflow(WORKFLOW, args=[RawValue(argument)], id=workflow_id, task_queue=here.task_queue)
    records: list[Any] = []

    async def recorded() -> bool:
        records[:] = await sealed.gateway.records(workflow_id)
        return bool(records)

    await eventually(recorded)
    assert [(record["kind"], record["refusal"], record["tenant"]) for record in records] == [
        ("refused", "invalid-context", "system")
    ]


async def test_a_worker_removes_what_no_run_needs_any_more(sealed: Scene) -> None:
    """All of it is made old enough; but the run of the large prompt is still known to Temporal."""
    [kept] = await sealed.gateway.superuser("SELECT count(*) AS payloads FROM assay.payload")
    gone = b"of a run that is no more"
    sql = "INSERT INTO assay.payload (id, tenant, workflow_id, content) VALUES (sha256($1), 'acme', 'inf.acme.x', $1)"
    await sealed.gateway.superuser(sql, gone)
    await sealed.gateway.superuser("UPDATE assay.payload SET stored_at = stored_at - interval '1 year'")
    await sealed.gateway.servers.restart("assay")

    async def removed() -> bool:
        return not await sealed.gateway.superuser("SELECT FROM assay.payload WHERE workflow_id = 'inf.acme.x'")

    await eventually(removed)
    assert kept["payloads"] >= 2
    assert [kept] == await sealed.gateway.superuser("SELECT count(*) AS payloads FROM assay.payload")
