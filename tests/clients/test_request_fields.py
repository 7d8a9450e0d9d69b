"""Fields of the installed SDKs' request types: each has a place in a format's table."""

import json
import subprocess
from collections.abc import Collection
from pathlib import Path

import pytest

from api.wires.chat.fields import CHAT_FIELDS
from api.wires.messages.fields import COUNT_FIELDS, MESSAGES_FIELDS
from api.wires.responses.fields import RESPONSES_FIELDS
from tests.clients.program import PROGRAMS
from tests.paths import ROOT

pytestmark = pytest.mark.long
PLACED: dict[str, Collection[str]] = {
    "chat": CHAT_FIELDS,
    "responses": RESPONSES_FIELDS,
    "messages": MESSAGES_FIELDS,
    "count_tokens": COUNT_FIELDS,
}


@pytest.fixture(scope="module")
def sent(clients_python: Path) -> dict[str, list[str]]:
    printed = subprocess.run([clients_python, PROGRAMS / "request_fields.py"], capture_output=True, check=True)
    found: dict[str, list[str]] = json.loads(printed.stdout)
    return found


@pytest.mark.parametrize("name", ["anthropic_types", "openai_response_types"])
def test_the_committed_fields_are_those_of_the_installed_sdk(clients_python: Path, name: str):
    program = ROOT / f"tests/clients/{name}.py"
    printed = subprocess.run([clients_python, program], capture_output=True, check=True)
    committed = json.loads(program.with_name(f"{name.removesuffix('_types')}_fields.json").read_text(encoding="utf-8"))
    assert json.loads(printed.stdout) == committed


@pytest.mark.parametrize("route", PLACED)
def test_no_field_of_a_request_type_is_without_a_place(sent: dict[str, list[str]], route: str):
    assert "model" in sent[route]
    assert set(sent[route]) - set(PLACED[route]) == set()
