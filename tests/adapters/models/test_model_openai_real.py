"""The OpenAI adapter against a real model, served as on one machine."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.models.openai import OpenAIProvider
from domain.inference.content import Message, Speaker
from domain.inference.models import ModelCall, ModelEntry, ProviderFailure
from domain.inference.requests import InferenceRequest
from domain.refusals import Kind
from embedded.process.ports import unused_ports
from embedded.process.probes import http_ready
from embedded.process.wheels import model_weights
from embedded.servers.model import ALIAS
from tests.processes import bound

KEY = "sk-of-the-embedded-model"


class SystemClock:
    """The machine's time."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class OneKey:
    """The same key at every path."""

    def __init__(self, key: str) -> None:
        self._key = key

    async def read(self, path: str) -> Mapping[str, str]:
        return {"api_key": self._key}


@pytest.fixture(scope="module")
async def base_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    key_file: Path = tmp_path_factory.mktemp("model") / "key"
    key_file.write_text(KEY)
    (port,) = unused_ports(1)
    arguments = ("--weights", str(model_weights()), "--alias", ALIAS, "--port", str(port), "--threads", "2")
    command = (sys.executable, "-m", "embedded.servers.model_server", *arguments, "--api-key-file", str(key_file))
    process = subprocess.Popen(bound(*command))
    try:
        async with asyncio.timeout(90):
            while not await http_ready(port, "/health"):
                assert process.poll() is None, "the model server has ended"
                await asyncio.sleep(0.05)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def call(base_url: str, max_tokens: int) -> ModelCall:
    entry = ModelEntry("small", "local", ALIAS, base_url, "models/local", 2048, 0.0, 0.0)
    messages = (Message(Speaker.USER, "Name one bird."),)
    return ModelCall(entry, InferenceRequest("small", messages, 0.0, max_tokens), "call-0001")


async def test_a_real_model_answers_within_its_limit(base_url: str) -> None:
    model = OpenAIProvider(OneKey(KEY), clock=SystemClock())
    found = await model.complete(call(base_url, max_tokens=4))
    await model.aclose()
    assert found.content
    assert found.finish_reason == "length"
    assert not found.usage.estimated
    assert found.usage.completion_tokens == 4
    assert found.usage.prompt_tokens > 0


async def test_a_real_server_refuses_a_wrong_key(base_url: str) -> None:
    model = OpenAIProvider(OneKey("sk-wrong"), clock=SystemClock())
    with pytest.raises(ProviderFailure) as caught:
        await model.complete(call(base_url, max_tokens=4))
    await model.aclose()
    assert (caught.value.kind, caught.value.retryable) == (Kind.PROVIDER_REJECTED, False)
