"""Bodies by route: conversations have megabytes, others are short; deep and crowded ones are refused unparsed."""

import json
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI, Request

from api.http.body import read_json
from api.http.body_sizes import BodyLimit, BodySizes
from config.settings import ApiSettings
from domain.refusals import Kind, Refusal
from domain.text.strict_json import MOST_DEPTH

SIZES = BodySizes(others=1_000, conversation=200_000)


def app() -> FastAPI:
    made = FastAPI()

    async def answer(request: Request) -> dict[str, Any]:
        try:
            return {"read": len(json.dumps(await read_json(request)))}
        except Refusal as refusal:
            return {"refused": refusal.kind.value, "detail": refusal.detail}

    for path in ("/v1/chat/completions", "/v1/inferences", "/v1/messages", "/v1/audit/events", "/v1/messages/batches"):
        made.add_api_route(path, answer, methods=["POST"])
    made.add_middleware(BodyLimit, sizes=SIZES)
    return made


async def post(path: str, content: bytes) -> dict[str, Any]:
    transport = httpx2.ASGITransport(app=app())
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as http:
        answer = await http.post(path, content=content, headers={"Content-Type": "application/json"})
        found: dict[str, Any] = answer.json()
        return found


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/inferences", "/v1/messages"])
async def test_a_conversation_may_be_long(path: str):
    assert "read" in await post(path, json.dumps(["x" * 150_000]).encode())
    assert (await post(path, json.dumps(["x" * 200_001]).encode()))["refused"] == Kind.BODY_TOO_LARGE


@pytest.mark.parametrize("path", ["/v1/audit/events", "/v1/messages/batches"])
async def test_other_bodies_are_short(path: str):
    assert (await post(path, json.dumps(["x" * 1_000]).encode()))["refused"] == Kind.BODY_TOO_LARGE


@pytest.mark.parametrize("padding", [0, 100_000])  # parsed in the loop, and in a thread
async def test_a_deep_body_is_not_parsed(padding: int):
    deep = b'["' + b"x" * padding + b'",' + b"[" * MOST_DEPTH + b"]" * MOST_DEPTH + b"]"
    found = await post("/v1/inferences", deep)
    assert found["refused"] == Kind.MALFORMED_BODY
    assert str(MOST_DEPTH) in found["detail"]


async def test_malformed_bodies_are_refused_in_a_thread_as_well():
    assert (await post("/v1/inferences", b'["' + b"x" * 100_000))["refused"] == Kind.MALFORMED_BODY


def test_shipped_sizes():
    """32 MiB for a conversation, and one fits the budget of a process."""
    settings = ApiSettings()
    assert settings.max_conversation_bytes == 32 * 1024 * 1024
    assert settings.max_body_bytes_in_flight >= settings.max_conversation_bytes
