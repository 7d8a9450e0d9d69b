"""Runs with images: what reaches the model, the history and the record, and what the record and receipt say of it."""

import json
from base64 import b64encode, urlsafe_b64decode
from hashlib import sha256
from typing import Any

from domain.inference.content import Attachment
from domain.refusals import Kind
from tests.workflows.conftest import Bench

IMAGE = b"\x89PNG\r\n\x1a\n" + bytes(range(200))
DATA = b64encode(IMAGE).decode()
PART = {"type": "attachment", "media_type": "image/png", "data": DATA, "name": "a.png"}
BODY: dict[str, Any] = {
    "model": "fake",
    "messages": [{"role": "user", "content": [{"type": "text", "text": "What is it?"}, PART]}],
    "end_user": "alice-42",
    "cache_key": "session",
    "ignored": ["prediction", "tools:web_search"],
}
CARRIERS = ("user:1:allow", "file_name:1:allow", "image:1:not_scanned:unreadable")


async def seeing(bench: Bench, policy_document: bytes) -> str:
    document = json.loads(policy_document)
    for entry in document["models"]["models"]:
        entry["accepts"] = {"images": entry["alias"] == "fake", "end_user": "user"}
    return await bench.policies.put(
        json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    )


async def test_an_image_reaches_the_model_alone_and_is_recorded_as_not_scanned(bench: Bench, policy_document: bytes):
    result = await bench.run(BODY, policy=await seeing(bench, policy_document))
    assert result.status == "completed"
    (call,) = bench.model.calls
    digest = sha256(IMAGE).hexdigest()
    assert call.data == {digest: DATA}
    _, image = call.request.messages[0].content
    assert image == Attachment(digest, "image/png", size=len(IMAGE), name="a.png")
    assert "alice" not in str(call)
    assert (call.request.end_user or "").startswith("assay-")
    assert call.request.end_user != call.request.cache_key
    admitted, completed = bench.records(result.id)
    assert admitted.fields.carriers == CARRIERS
    assert completed.fields.carriers == (*CARRIERS, "answer.assistant:1:allow")
    assert admitted.fields.ignored == completed.fields.ignored == ("prediction", "tools:web_search")
    assert DATA not in str(admitted.sealed)
    assert digest in str(admitted.sealed)
    claims = result.receipt.statement.split(".")[1]
    assert tuple(json.loads(urlsafe_b64decode(claims + "=="))["carriers"]) == completed.fields.carriers


async def test_a_model_without_images_is_not_asked(bench: Bench):
    result = await bench.run(BODY)
    assert (result.status, result.problem.kind) == ("refused", Kind.UNSUPPORTED_CONTENT)
    assert result.problem.field == "messages.0.content.1"
    assert bench.model.calls == []
    (record,) = bench.records(result.id)
    assert record.fields.carriers == ()  # its request was not accepted: there is nothing to judge


async def test_a_team_states_no_dropped_names(bench: Bench, policy_document: bytes):
    result = await bench.run({**BODY}, countersigner=None, policy="", roles=())
    assert (result.status, result.problem.kind) in {("refused", Kind.INVALID_REQUEST), ("refused", Kind.FORBIDDEN)}


async def test_a_run_that_ends_before_its_screening_says_so_of_each_carrier(bench: Bench):
    card = {"model": "fake", "prompt": "Charge 4111 1111 1111 1111."}
    document = json.loads(await bench.policies.get(bench.policy))
    document["privacy"]["kinds"]["card_number"] = "block"
    policy = await bench.policies.put(
        json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    )
    result = await bench.run(card, policy=policy)
    assert result.problem.kind == Kind.SENSITIVE_DATA_BLOCKED
    (record,) = bench.records(result.id)
    assert record.fields.carriers == ("user:1:not_scanned:not_reached",)
