"""A run whose answer is more than a text: judged, recorded, committed to and given whole."""

import json

from domain.inference.content import OpaqueItem, RefusalPart, TextPart, ToolCall
from domain.records.commitments import digest
from tests.workflows.conftest import Bench

ALICE, KEY = "alice@example.com", "AKIAQWERTYUIOPASDFGH"
BODY = {"model": "fake", "prompt": f"Write to {ALICE}."}


async def test_a_call_of_a_tool_reaches_the_caller_with_its_data_in_place(bench: Bench):
    async def calls() -> tuple:
        masked = bench.model.calls[-1].request.messages[0].content
        placeholder = masked.removeprefix("Write to ").removesuffix(".")
        arguments = json.dumps({"to": placeholder, "text": "Dear\n" + placeholder})
        return (TextPart("At once."), ToolCall("call_1", "send", arguments), OpaqueItem("reasoning.x", "b3BhcXVl"))

    bench.model.script = [calls]
    result = await bench.run(BODY)
    assert (result.status, result.result.content) == ("completed", "At once.")
    text, call, opaque = result.result.parts
    assert text == {"type": "text", "text": "At once."}
    assert (call["type"], call["call_id"], call["name"]) == ("tool_call", "call_1", "send")
    assert json.loads(call["arguments"]) == {"to": ALICE, "text": f"Dear\n{ALICE}"}
    assert opaque == {"type": "opaque", "label": "reasoning.x", "data": "b3BhcXVl"}
    completed = bench.records(result.id)[-1]
    assert ALICE not in completed.sealed.answer
    assert json.loads(completed.sealed.answer)[1]["name"] == "send"
    assert "content:not_scanned" in completed.fields.detectors
    written = json.dumps(list(result.result.parts), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    salt = bytes.fromhex(result.receipt.openings["answer"])
    assert completed.fields.answer_commitment == digest(salt, written.encode())


async def test_a_secret_in_the_arguments_of_a_call_is_blocked(bench: Bench):
    async def calls() -> tuple:
        return (ToolCall("call_1", "send", json.dumps({"text": KEY})),)

    bench.model.script = [calls]
    result = await bench.run({"model": "fake", "prompt": "Hello"})
    assert (result.status, result.problem.kind) == ("blocked", "output-blocked")
    assert "aws_access_key" in result.problem.rules
    assert result.result is None


async def test_a_models_own_refusal_is_an_answer(bench: Bench):
    async def refuses() -> tuple:
        return (RefusalPart("I can't help with that."),)

    bench.model.script = [refuses]
    result = await bench.run({"model": "fake", "prompt": "Hello"})
    assert (result.status, result.result.content) == ("completed", "I can't help with that.")
    assert result.result.parts == ({"type": "refusal", "text": "I can't help with that."},)
