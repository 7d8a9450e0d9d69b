"""The repository's public promises: lock files, licence, commands, documented settings, decisions."""

import json
import re
import stat
import subprocess
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from config.settings import Settings
from tests.paths import ROOT

LOCKS = sorted(ROOT.glob("requirements*.txt"))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_pin_is_exact_and_hashed_and_no_host_is_named(lock: Path) -> None:
    text = lock.read_text()
    assert "://" not in text
    assert not re.search(r"^\s*--(index|extra-index|find-links|trusted)", text, re.MULTILINE)
    pins = re.split(r"(?m)^(?=[a-z0-9])", text)[1:]
    assert pins
    for pin in pins:
        assert re.match(r"[a-z0-9.-]+==\S+", pin), pin.splitlines()[0]
        assert "--hash=sha256:" in pin, pin.splitlines()[0]


def test_the_locks_do_not_overlap() -> None:
    names = [re.findall(r"(?m)^([a-z0-9.-]+)==", lock.read_text()) for lock in LOCKS if "build" not in lock.name]
    flat = [name for group in names for name in group]
    assert len(flat) == len(set(flat))


def test_the_licence_is_the_whole_apache_licence() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert text.lstrip().startswith("Apache License\n")
    assert "END OF TERMS AND CONDITIONS" in text
    assert "APPENDIX" in text


@pytest.mark.parametrize("name", ["scripts/setup", "scripts/lock.sh", "scripts/compose-secrets", ".ci/run"])
def test_scripts_are_executable_and_parse(name: str) -> None:
    script = ROOT / name
    assert script.stat().st_mode & stat.S_IXUSR
    shell = script.read_text().splitlines()[0].rpartition("/")[2].rpartition(" ")[2]
    subprocess.run([shell, "-n", script], check=True)


def test_the_two_commands_do_what_the_readme_says() -> None:
    for target, expected in (("demo", ".venv/bin/assay demo"), ("test", ".venv/bin/pytest")):
        done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=True)
        assert expected in done.stdout
        assert "scripts/setup" in done.stdout


def _settings(model: type[BaseModel], prefix: str) -> dict[str, Any]:
    """Every variable and its default."""
    found: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        annotation = field.annotation
        variable = f"{prefix}{name.upper()}"
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            found |= _settings(annotation, f"{variable}__")
        else:
            found[variable] = field.get_default(call_default_factory=True)
    return found


def _shown(value: Any) -> str:
    match value:
        case None:
            return "none"
        case Path():
            inside = value.is_relative_to(ROOT)
            return str(value.relative_to(ROOT)) if inside else str(value)
        case bool() | dict() | tuple() | list():
            return json.dumps(value)
        case Enum():
            return str(value.value)
        case float() if value.is_integer():
            return str(int(value))
        case _:
            return str(value)


def test_every_setting_is_documented_with_its_default() -> None:
    rows = re.findall(r"(?m)^\| `(ASSAY_\w+)` \| `([^`]*)` \| (.+) \|$", (ROOT / "docs/operate.md").read_text())
    documented = {variable: default for variable, default, _ in rows}
    assert len(documented) == len(rows), "each of them once"
    assert documented == {variable: _shown(value) for variable, value in _settings(Settings, "ASSAY_").items()}


def test_decisions_are_numbered_without_gaps_and_tell_why() -> None:
    decisions = sorted((ROOT / "docs/decisions").glob("[0-9]*.md"))
    assert [int(path.name[:4]) for path in decisions] == list(range(1, len(decisions) + 1))
    for path in decisions:
        text = path.read_text()
        for part in ("## Context", "## Decision", "## Alternatives", "## Consequences"):
            assert part in text, f"{path.name}: {part}"


def test_links_inside_the_documents_lead_somewhere() -> None:
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "sdk" / "README.md"]
    for document in documents:
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.relative_to(ROOT)}: {target}"
