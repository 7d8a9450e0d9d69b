"""A conversation of 900,000 characters through the whole product: answered, masked the same, its history small."""

import json
from typing import Any

import pytest

from benchmarks.agents.talk import AgentTalk
from tests.fakes.behaviours import answer
from tests.gateway import Gateway

pytestmark = pytest.mark.long

MOST_OF_A_HISTORY = 64 * 1024
ALICE = "alice@example.com"


def conversation(messages: int) -> dict[str, Any]:
    """Messages of 100,000 characters each: all but the first are the same, so that they are judged once."""
    text = AgentTalk(5).prose(100_000)
    said = [{"role": "user", "content": f"Write to {ALICE}."}]
    said += [{"role": "assistant" if at % 2 else "user", "content": text} for at in range(1, messages)]
    return {"model": "fake-long", "messages": said, "max_tokens": 32_000}


async def history_bytes(gateway: Gateway, run_id: str) -> int:
    client = await gateway.temporal(None)  # nothing is decrypted
    history = await client.get_workflow_handle(run_id).fetch_history()
    return sum(len(event.SerializeToString()) for event in history.events)


async def test_a_long_conversation_is_answered_and_its_history_is_small(gateway: Gateway):
    assert gateway.provider is not None
    shown: list[str] = []
    for messages in (9, 10):
        gateway.provider.script(answer(f"Done with {messages}."))
        body = conversation(messages)
        response = await gateway.post(body, path="/v1/chat/completions")
        assert response.status_code == 200, response.text
        assert response.json()["choices"][0]["message"]["content"] == f"Done with {messages}."
        sent = json.loads(gateway.provider.requests[-1].body)
        assert len(sent["messages"]) == messages
        assert sent["messages"][1:] == body["messages"][1:]
        shown.append(sent["messages"][0]["content"])
        run_id = response.headers["assay-run-id"]
        assert await history_bytes(gateway, run_id) < MOST_OF_A_HISTORY
        rows = await gateway.superuser(
            "SELECT length(content) AS size FROM assay.payload WHERE workflow_id = $1", run_id
        )
        assert len(rows) <= 4  # as sent, as cleaned, to the model
        assert sum(row["size"] for row in rows) < 4.5 * len(json.dumps(body))
    assert ALICE not in shown[0]
    assert shown[0] == shown[1]  # the provider finds the beginning of the first request in its cache
