"""The README's quick start: each of its blocks is run as it is, but for the address."""

import asyncio
import json
import os
import re
import tomllib
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from tests.clients.door import Door
from tests.clients.exchanges import ANSWERED, Cost, Exchanges
from tests.clients.program import ClientProgram
from tests.gateway import Gateway
from tests.paths import ROOT

pytestmark = pytest.mark.long
WRITTEN = "http://127.0.0.1:8080"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def block(language: str, *words: str) -> str:
    """Return the README's one block of a language that has some words."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    [found] = [code for named, code in BLOCK.findall(text) if named == language and all(word in code for word in words)]
    assert WRITTEN in found
    return str(found)


@pytest.fixture(scope="module")
async def key(gateway: Gateway) -> str:
    made = await gateway.post({"name": "quick start"}, path="/v1/keys")
    assert made.status_code == 201, made.text
    return str(made.json()["key"])


@pytest.fixture
def exchanges(gateway: Gateway, door: Door, sdks: ClientProgram) -> Exchanges:
    return Exchanges(gateway, door, sdks)


async def printed(door: Door, key: str, command: list[str], code: str) -> str:
    """Run a block by a command that reads it as its input. Return what it prints."""
    environment = {"PATH": os.environ["PATH"], "NO_PROXY": "*", "ASSAY_KEY": key}
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, env=environment)
    output, _ = await process.communicate(code.replace(WRITTEN, door.address).encode())
    assert process.returncode == 0
    return output.decode()


def answered_once(cost: Cost) -> None:
    assert (cost.requests, cost.records) == (1, ANSWERED)


async def test_curl_gets_an_answer(exchanges: Exchanges, key: str):
    async with exchanges.costing() as cost:
        output = await printed(exchanges.door, key, ["bash"], block("bash", "curl"))
    assert json.loads(output)["choices"][0]["message"]["content"]
    answered_once(cost)


@pytest.mark.parametrize("package", ["openai", "anthropic"])
async def test_an_sdk_gets_an_answer(exchanges: Exchanges, clients_python: Path, key: str, package: str):
    async with exchanges.costing() as cost:
        code = block("python", f"from {package} import")
        output = await printed(exchanges.door, key, [str(clients_python), "-"], code)
    assert output.strip()
    answered_once(cost)


async def test_claude_codes_settings_lead_anthropics_sdk_to_an_answer(
    exchanges: Exchanges, clients_python: Path, key: str
):
    """The SDK reads the same variables. Tests don't install Claude Code."""
    asked = """
import os
from anthropic import Anthropic
for model in (os.environ["ANTHROPIC_MODEL"], os.environ["ANTHROPIC_DEFAULT_HAIKU_MODEL"]):
    said = [{"role": "user", "content": "Say hello."}]
    message = Anthropic().messages.create(model=model, max_tokens=20, messages=said)
print(message.content[0].text)
"""
    settings = block("sh", "ANTHROPIC_MODEL")
    script = f"{settings}\n'{clients_python}' - <<'PROGRAM'\n{asked}\nPROGRAM\n"
    assert (await printed(exchanges.door, key, ["bash"], script)).strip()


async def test_codexs_settings_lead_to_an_answer(exchanges: Exchanges, key: str):
    settings = tomllib.loads(block("toml", "model_providers").replace(WRITTEN, exchanges.door.address))
    provider = settings["model_providers"][settings["model_provider"]]
    assert (provider["wire_api"], provider["env_key"]) == ("responses", "ASSAY_KEY")
    asked = {"model": settings["model"], "input": "Say hello.", "max_output_tokens": 20}
    async with exchanges.costing() as cost:
        call = {"package": "openai", "base_url": provider["base_url"], "key": key, "of": "responses"}
        reply = await exchanges.program.ask("call", **call, arguments=asked, form="events")
    assert reply["found"]["events"][-1]["response"]["output"], reply
    answered_once(cost)
