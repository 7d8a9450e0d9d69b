"""The commands that check evidence from files alone: their exit codes, and that evidence can't write to a terminal."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.audit.commands import app
from domain.transparency.checkpoints import Proof
from domain.transparency.exports import header_of
from domain.transparency.merkle import Edge, leaf_hash
from tests.doubles.log.store import LogKey

DIGEST = bytes(range(32))


@pytest.fixture
def log() -> LogKey:
    return LogKey()


def note(log: LogKey, size: int = 1) -> str:
    return log.sign("acme", size, Edge().append([leaf_hash(DIGEST)] * size).root())


def run(*arguments: object) -> tuple[int, str]:
    done = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return done.exit_code, done.output


def put(directory: Path, name: str, content: str) -> Path:
    (directory / name).write_bytes(content.encode())
    return directory / name


def test_a_proof_holds_to_the_byte(log: LogKey, tmp_path: Path):
    text = Proof(0, (), note(log)).text()
    options = ("--key", log.vkey("acme"), "--record-digest", DIGEST.hex())
    assert run("verify-proof", put(tmp_path, "proof", text), *options)[0] == 0
    assert run("verify-proof", put(tmp_path, "other", text.replace("\n", "\r\n")), *options)[0] == 1
    assert run("verify-proof", put(tmp_path, "proof", text), "--key", log.vkey("globex"), *options[2:])[0] == 1


@pytest.mark.parametrize(
    "options",
    [
        ("--key", "no key", "--record-digest", "00"),
        ("--key", LogKey().vkey("acme"), "--record-digest", "no digest"),
        ("--record-digest", "00"),
    ],
)
def test_a_wrong_call_is_neither_yes_nor_no(tmp_path: Path, options: tuple[str, ...]):
    assert run("verify-proof", put(tmp_path, "proof", ""), *options)[0] == 2


@pytest.mark.parametrize("content", ["", "[]", "null", "{", '{"hashes": 1}', '{"hashes": ["AA!"]}', "AA!", "[" * 9999])
def test_what_is_no_proof_of_growth_is_broken(log: LogKey, tmp_path: Path, content: str):
    files = (put(tmp_path, "old", note(log)), put(tmp_path, "new", note(log, 2)), put(tmp_path, "proof", content))
    assert run("verify-consistency", *files, "--key", log.vkey("acme"))[0] == 1


def test_evidence_writes_nothing_to_the_terminal_but_text(log: LogKey, tmp_path: Path):
    header = json.dumps(header_of("assay.local/acme", Edge(), 1, note(log), ()))
    line = json.dumps({"seq": 0, "event_id": "[red]\x1b[2J", "digest": DIGEST.hex()})
    code, said = run("verify-export", put(tmp_path, "export", f"{header}\n{line}\n"), "--key", log.vkey("acme"))
    assert code == 1
    assert "[red]" in said
    assert "\x1b" not in said


@pytest.mark.parametrize("document", ["[]", "{}", "null", '{"receipt": {"statement": "a.b.c"}}', '{"run": 1}', '"x"'])
def test_what_is_no_receipt_is_broken(tmp_path: Path, document: str):
    keys = put(tmp_path, "keys", '{"keys": []}')
    code, said = run("verify", put(tmp_path, "receipt", document), "--keys", keys)
    assert (code, "broken" in said) == (1, True)
    assert run("verify", put(tmp_path, "receipt", "no JSON"), "--keys", keys)[0] == 2
