"""The Anthropic adapter against a provider: addresses, headers, keys, and errors by their status."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from adapters.models.anthropic.provider import AnthropicProvider
from adapters.models.openai import OpenAIProvider
from adapters.models.provider import HttpProvider
from domain.inference.content import Message, OpaqueItem, Speaker, TextPart, ToolCall
from domain.inference.models import KeyHeader, ModelAnswer, ModelCall, ProviderFailure, Usage, Wire
from domain.inference.requests import InferenceRequest, Tool
from domain.refusals import Kind
from tests.adapters.models.test_model_openai import KEY, PROMPT, FixedClock, Secrets, entry, failure
from tests.fakes.behaviours import Behaviour, Drop, Endless, Hang, Reply, message, said, status
from tests.fakes.provider import FakeProvider


@pytest.fixture
async def fake() -> AsyncIterator[FakeProvider]:
    async with FakeProvider() as provider:
        yield provider


@pytest.fixture
async def model() -> AsyncIterator[AnthropicProvider]:
    provider = AnthropicProvider(Secrets(), clock=FixedClock())
    yield provider
    await provider.aclose()


def call(base_url: str, **changes: Any) -> ModelCall:
    messages = (Message(Speaker.SYSTEM, "Be brief."), Message(Speaker.USER, PROMPT))
    of_wire = replace(entry(base_url), wire=Wire.ANTHROPIC_MESSAGES)
    return replace(ModelCall(of_wire, InferenceRequest("small", messages, 0.3, 64), "call-0001"), **changes)


async def test_the_request_says_what_was_asked_and_no_more(fake: FakeProvider, model: AnthropicProvider) -> None:
    fake.script(said("Hold fast.", usage={"input_tokens": 21, "output_tokens": 3}, stop_reason="max_tokens"))
    assert await model.complete(call(fake.base_url)) == ModelAnswer("Hold fast.", "length", Usage(21, 3))
    (request,) = fake.requests
    assert (request.method, request.path) == ("POST", "/v1/messages")
    assert request.json() == {
        "model": "fake-1",
        "max_tokens": 64,
        "system": "Be brief.",
        "messages": [{"role": "user", "content": PROMPT}],
        "temperature": 0.3,
    }
    assert dict(request.headers) == {
        "host": f"127.0.0.1:{fake.port}",
        "x-api-key": KEY,
        "anthropic-version": "2023-06-01",
        "idempotency-key": "call-0001",
        "accept": "application/json",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "content-length": str(len(request.body)),
        "user-agent": "assay",
    }


async def test_tools_and_signed_reasoning_come_back(fake: FakeProvider, model: AnthropicProvider) -> None:
    use = {"type": "tool_use", "id": "toolu_1", "name": "clock", "input": {"zone": "UTC"}}
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "sig=="}
    fake.script(message(thought, {"type": "text", "text": "See."}, use, stop_reason="tool_use"))
    asked = call(fake.base_url)
    found = await model.complete(replace(asked, request=replace(asked.request, tools=(Tool("clock"),))))
    assert found.content == (
        OpaqueItem("anthropic.thinking", "sig==", "Hm."),
        TextPart("See."),
        ToolCall("toolu_1", "clock", '{"zone":"UTC"}'),
    )


ERRORS = [
    (400, "invalid_request_error", Kind.PROVIDER_REJECTED, False),
    (401, "authentication_error", Kind.PROVIDER_REJECTED, False),
    (413, "request_too_large", Kind.CONTEXT_EXCEEDED, False),
    (429, "rate_limit_error", Kind.PROVIDER_RATE_LIMITED, True),
    (500, "api_error", Kind.PROVIDER_UNAVAILABLE, True),
    (504, "timeout_error", Kind.PROVIDER_TIMEOUT, False),
    (529, "overloaded_error", Kind.PROVIDER_UNAVAILABLE, True),
]


@pytest.mark.parametrize(("code", "named", "kind", "retryable"), ERRORS)
async def test_each_error_has_its_kind(
    fake: FakeProvider, model: AnthropicProvider, code: int, named: str, kind: Kind, retryable: bool
) -> None:
    body = {"type": "error", "error": {"type": named, "message": f"canary text of the provider {KEY}"}}
    fake.script(Reply(code, body=json.dumps(body).encode()))
    found = await failure(model, call(fake.base_url))
    assert (found.kind, found.retryable) == (kind, retryable)


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (Drop(), Kind.PROVIDER_UNAVAILABLE),
        (Drop(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{", reset=True), Kind.PROVIDER_UNAVAILABLE),
        (Endless(), Kind.PROVIDER_GARBLED),
        (Reply(headers={"content-type": "text/html"}, body=b"<html>"), Kind.PROVIDER_GARBLED),
        (Reply(204), Kind.PROVIDER_GARBLED),
        (status(302, {"location": "http://127.0.0.1:9/"}), Kind.PROVIDER_REJECTED),
    ],
    ids=["at once", "reset in the body", "endless", "html", "no content", "redirect"],
)
async def test_faults_of_the_connection_are_as_of_every_format(
    fake: FakeProvider, model: AnthropicProvider, behaviour: Behaviour, kind: Kind
) -> None:
    fake.script(behaviour)
    assert (await failure(model, call(fake.base_url))).kind is kind


async def test_a_call_that_is_too_long_is_ended(fake: FakeProvider, model: AnthropicProvider) -> None:
    fake.script(Hang(said("late")))
    slow = replace(entry(fake.base_url, total=0.3), wire=Wire.ANTHROPIC_MESSAGES)
    found = await failure(model, call(fake.base_url, model=slow))
    assert (found.kind, found.retryable) == (Kind.PROVIDER_TIMEOUT, False)
    await fake.until(lambda stats: stats.disconnected == 1)


@pytest.mark.parametrize("provider", [OpenAIProvider, AnthropicProvider])
@pytest.mark.parametrize(
    ("header", "sent"),
    [
        (KeyHeader.AUTHORIZATION, {"authorization": f"Bearer {KEY}"}),
        (KeyHeader.X_API_KEY, {"x-api-key": KEY}),
        (KeyHeader.API_KEY, {"api-key": KEY}),
    ],
)
async def test_key_headers_and_query_are_the_policys(
    provider: type[HttpProvider], header: KeyHeader, sent: dict[str, str]
) -> None:
    async with FakeProvider() as fake:
        model = provider(Secrets(), clock=FixedClock())
        asked = call(fake.base_url)
        headers = (("anthropic-version", "2031-01-01"), ("x-team", "blue"))
        changed = replace(asked.model, headers=headers, query=(("api-version", "2024 & 10"),), key_header=header)
        await model.complete(replace(asked, model=changed))
        await model.aclose()
    (request,) = fake.requests
    wanted = {**dict(headers), **sent}
    assert {name: request.headers.get(name) for name in wanted} == wanted
    assert KEY not in str({name: value for name, value in request.headers.items() if name not in sent})
    assert request.query == "api-version=2024+%26+10"


async def test_without_a_key_nothing_is_sent(fake: FakeProvider) -> None:
    model = AnthropicProvider(Secrets({"models/fake": {}}), clock=FixedClock())
    with pytest.raises(ProviderFailure) as caught:
        await model.complete(call(fake.base_url))
    assert (caught.value.kind, fake.connections) == (Kind.PROVIDER_REJECTED, 0)
