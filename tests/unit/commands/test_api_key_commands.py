"""``assay key``: what it sends, what it shows, and what it keeps to itself."""

import asyncio
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from adapters.http.gateway_client import GatewayReply
from cli import api_keys
from domain.access.api_keys import new_key

KEY = new_key(os.urandom)
MADE = {"id": KEY.id, "key": KEY.text, "expires_at": "2027-01-01T00:00:00Z", "state": "active"}
LISTED = {"keys": [{"id": KEY.id, "name": "ci", "state": "active", "expires_at": "x", "models": ["a", "b"]}]}
PROBLEM = {"title": "Invalid request", "field": "expires_in_days", "detail": "the policy permits at most 365 days"}


class Api:
    """An API that gives one answer, and remembers what it was sent."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, status: int, body: Any) -> None:
        self.sent: list[tuple[str, str, Any]] = []
        self._reply = GatewayReply(status, {}, body)
        monkeypatch.setattr(api_keys, "with_token", lambda _out, _client, _url, use: asyncio.run(use(self, "a token")))

    async def call(self, method: str, path: str, *, token: str, json: Any = None) -> GatewayReply:
        self.sent.append((method, path, json))
        return self._reply


def run(*arguments: str) -> Any:
    return CliRunner().invoke(api_keys.app, list(arguments))


def test_a_new_key_is_shown_once_with_what_was_asked_for(monkeypatch: pytest.MonkeyPatch):
    api = Api(monkeypatch, 201, MADE)
    done = run("create", "ci", "--days", "30", "--model", "a", "--model", "b", "--per-minute", "60")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[0] == KEY.text
    wanted = {"name": "ci", "expires_in_days": 30, "models": ["a", "b"], "requests_per_minute": 60}
    assert api.sent == [("POST", "/v1/keys", wanted)]


def test_what_was_not_asked_for_is_not_sent(monkeypatch: pytest.MonkeyPatch):
    api = Api(monkeypatch, 201, MADE)
    assert json.loads(run("create", "ci", "--json").stdout) == MADE
    assert api.sent == [("POST", "/v1/keys", {"name": "ci"})]


@pytest.mark.parametrize("how", [[], ["--json"]])
def test_a_key_goes_to_a_private_file_and_not_to_the_screen(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, how: list[str]
):
    Api(monkeypatch, 201, MADE)
    file = tmp_path / "key"
    done = run("create", "ci", "--save-to", str(file), *how)
    assert done.exit_code == 0, done.output
    assert KEY.text not in done.output
    assert file.read_text() == KEY.text
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_no_file_is_written_over_and_then_no_key_is_made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    api, file = Api(monkeypatch, 201, MADE), tmp_path / "key"
    file.write_text("another")
    assert run("create", "ci", "--save-to", str(file)).exit_code == 1
    assert (file.read_text(), api.sent) == ("another", [])


@pytest.mark.parametrize(
    "said", [KEY.id, f"assay_{KEY.id}", KEY.text, KEY.text[:-1]], ids=["id", "prefix", "key", "cut"]
)
def test_of_a_key_only_its_id_is_sent(monkeypatch: pytest.MonkeyPatch, said: str):
    api = Api(monkeypatch, 200, {"id": KEY.id, "state": "revoked"})
    assert run("revoke", said).exit_code == 0
    assert api.sent == [("DELETE", f"/v1/keys/{KEY.id}", None)]
    api = Api(monkeypatch, 201, MADE)
    assert run("rotate", said, "--overlap", "60").exit_code == 0
    assert api.sent == [("POST", f"/v1/keys/{KEY.id}/rotate", {"overlap_seconds": 60})]


def test_keys_are_listed_for_people_and_programs(monkeypatch: pytest.MonkeyPatch):
    Api(monkeypatch, 200, LISTED)
    assert "a b" in run("list").stdout
    assert json.loads(run("list", "--json").stdout) == LISTED["keys"]


@pytest.mark.parametrize("command", [["create", "ci"], ["list"], ["rotate", KEY.id], ["revoke", KEY.id]])
def test_a_refusal_ends_the_command_with_its_field(monkeypatch: pytest.MonkeyPatch, command: list[str]):
    Api(monkeypatch, 422, PROBLEM)
    done = run(*command)
    assert done.exit_code == 1
    assert "expires_in_days the policy permits at most 365 days" in done.stderr.replace("\n", " ")
