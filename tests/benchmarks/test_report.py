"""Output of the benchmark, and its installations."""

import json
import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer import BadParameter

from benchmarks.gateway.__main__ import chosen, failures, misses
from benchmarks.gateway.figures.report import BEGIN, END, NoPlaceForFiguresError, results, show, write_document
from benchmarks.gateway.measure import CALLERS, Windows
from benchmarks.tools.figures import Window
from tests.paths import ROOT

PEERS = ROOT / "benchmarks/peers"


def measured(p50_ms: float) -> Windows:
    one = Window(1, 1.0, [p50_ms] * 4, {"ours": 2.0, "temporal": 3.0, "generator": 0.1, "model": 0.1}, 0.01, 1.0)
    history = {"events": 11, "workflow_tasks": 2, "bytes": 1200, "eager_start": True}
    facts = {"rss_mib": {"ours": 100.0, "temporal": 50.0}, "history": history}
    return Windows({callers: [one] for callers in CALLERS}, facts=facts)


@pytest.fixture
def found() -> dict[str, Any]:
    made = results(
        {"bare_temporal": measured(10), "assay": measured(20), "litellm": Windows(failure="no network here")}
    )
    machine = {"at": "2026-01-01T00:00:00+00:00", "processor": "a processor", "system": "Linux", "pinned_to": 2}
    return {**made, "machine": machine, "plan": {"requests": 4, "rounds": 1}, "versions": {"python": "3.11"}}


def shown(found: dict[str, Any]) -> str:
    text = StringIO()
    show(found, Console(file=text, width=250))
    return text.getvalue()


def test_what_could_not_be_measured_says_why(found: dict[str, Any]) -> None:
    assert found["litellm"] == {"not_measured": "no network here"}
    assert "no network here" in shown(found)
    assert "assay_to_litellm_c1_p50" not in found["ratios"]


def test_demands_are_told_and_a_missing_one_is_no_pass(found: dict[str, Any]) -> None:
    assert "PASS" in shown(found)
    assert found["ratios"]["assay_to_bare_temporal_c1_p50"]["ratio"] == 2
    assert misses(found) == ["textbook_to_assay_c1_p50", "textbook_tuned_to_assay_c1_p50"]


def test_only_a_peer_may_be_missing(found: dict[str, Any]) -> None:
    assert failures(found) == []
    assert failures({**found, "assay": {"not_measured": "status 500"}}) == ["assay"]


def test_figures_go_between_the_marks_and_nowhere_else(found: dict[str, Any], tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text(f"before\n{BEGIN}\nfigures of last year\n{END}\nafter\n")
    for _ in range(2):
        write_document(document, found)
    text = document.read_text()
    assert text.startswith(f"before\n{BEGIN}\n")
    assert text.endswith(f"{END}\nafter\n")
    assert "last year" not in text
    assert text.count("| bare_temporal |") == 3, "two numbers of callers, and what a run is"
    document.write_text("no marks")
    with pytest.raises(NoPlaceForFiguresError):
        write_document(document, found)


def test_the_documentation_has_a_place_for_figures() -> None:
    text = (ROOT / "docs/performance.md").read_text()
    assert text.index(BEGIN) < text.index(END)


def test_a_subject_that_does_not_exist_is_named() -> None:
    assert chosen("assay,litellm") == ["assay", "litellm"]
    assert chosen("") == []
    with pytest.raises(BadParameter, match="nobody"):
        chosen("assay,nobody")


def test_the_peers_are_locked_and_no_host_is_named() -> None:
    lock = (PEERS / "requirements.txt").read_text()
    assert "://" not in lock
    pins = re.split(r"(?m)^(?=[a-z0-9])", lock)[1:]
    assert [
        pin for pin in pins if not re.match(r"[a-z0-9._-]+(\[.*\])?==\S+", pin) or "--hash=sha256:" not in pin
    ] == []
    packages = json.loads((PEERS / "package-lock.json").read_text())["packages"]
    assert [name for name, package in packages.items() if name and "integrity" not in package] == []
    assert [name for name, package in packages.items() if "resolved" in package] == []


def test_the_benchmark_does_not_lean_on_the_tests() -> None:
    sources = {path: path.read_text() for path in (ROOT / "benchmarks").rglob("*.py")}
    assert sources
    assert [path for path, text in sources.items() if re.search(r"(?m)^\s*(from|import) tests\b", text)] == []
