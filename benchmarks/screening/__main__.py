"""``python -m benchmarks.screening --data FILE.jsonl``: quality and speed of the screening on labelled texts."""

import hashlib
import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.screening import peers
from benchmarks.screening.drawing import draw
from benchmarks.screening.judging import judge
from benchmarks.screening.latency import disguised as latencies_disguised
from benchmarks.screening.latency import latencies
from benchmarks.screening.measure import by_disguise, by_length, by_source, curves, decisions, ranking
from benchmarks.screening.model import card, held_out, trained_on
from benchmarks.screening.rows import Row, read
from benchmarks.screening.tables import document
from benchmarks.tools.helper import ROOT
from benchmarks.tools.machine import machine
from cli.screen.jsonl import BadLine
from cli.screen.offline import read_policy_files
from domain.policy.document import policy_hash
from domain.screening.figures import NoFiguresError

RESULTS = ROOT / "benchmarks/results/screening.json"
DOCUMENT = ROOT / "docs/screening.md"
DRAWING = ROOT / "docs/images/screening-roc.svg"
CACHE = ROOT / ".bench"
BEGIN = "<!-- figures: written by the benchmark, from here -->"
END = "<!-- to here -->"


def main(
    data: Annotated[Path, typer.Option(help='Labelled texts: {"text", "label" (1: attack), "source"} a line.')],
    with_peers: Annotated[bool, typer.Option("--peers", help="Measure other detectors on the same texts.")] = False,
    policies: Annotated[Path, typer.Option(help="The policy files.")] = ROOT / "policies",
    hard: Annotated[str, typer.Option(help="Sources of harmless texts full of trigger words.")] = "own_hard_negatives",
    disguised: Annotated[int, typer.Option(min=1, help="Attacks, and harmless texts, that are disguised.")] = 400,
    aside: Annotated[
        Path | None, typer.Option("--held-out", help="What `python -m training evaluate` has printed.")
    ] = None,
    unseen: Annotated[
        Path | None, typer.Option(help="Labelled texts that the model was not trained on: the first tables.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=0, help="Processes; 0 is one for each processor.")] = 0,
    output: Annotated[Path, typer.Option(help="The results, as JSON.")] = RESULTS,
    write_docs: Annotated[bool, typer.Option(help=f"Put the tables into {DOCUMENT.relative_to(ROOT)}.")] = False,
) -> None:
    """Measure the screening on labelled texts. The output has figures by source, and no text."""
    try:
        rows = read(data)
        digest = hashlib.sha256(data.read_bytes()).hexdigest()
        found = _measured(rows, digest, policies, set(hard.split(",")), disguised, jobs)
        found["held_out"] = held_out(card(), aside)
        found["unseen"] = _unseen(unseen, policies, jobs) if unseen else None
    except (BadLine, OSError, NoFiguresError) as error:
        typer.echo(f"error: {data}: {error}", err=True)
        raise typer.Exit(2) from None
    if with_peers:
        found["peers"] = _peers(rows)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    text = document(found)
    typer.echo(text)
    if write_docs:
        put_into(DOCUMENT, text)
        DRAWING.write_text(_drawing(found), encoding="utf-8")


def _measured(
    rows: list[Row], digest: str, policies: Path, hard: set[str], disguised: int, jobs: int
) -> dict[str, Any]:
    said = card()
    _say(f"{len(rows)} texts")
    pairs = list(zip(rows, judge([row.text for row in rows], policies, jobs), strict=True))
    scored = [(one.score, row.attack) for row, one in pairs]
    negatives = [(row, one) for row, one in pairs if row.source in hard and not row.attack]
    return {
        "machine": machine(range(jobs or os.cpu_count() or 1)),
        "policy": policy_hash(read_policy_files(policies)),
        "model": str(said.get("weights_sha256", ""))[:16] or None,
        "data": {
            "rows": len(rows),
            "attacks": sum(row.attack for row in rows),
            "sources": len({row.source for row in rows}),
            "sha256": digest,
        },
        "ranking": ranking(scored),
        "decisions": decisions(pairs),
        "hard_negatives": decisions(negatives) if negatives else None,
        "by_source": by_source(pairs, trained_on(said, digest, {row.source for row in rows})),
        "by_length": by_length(pairs),
        "by_disguise": by_disguise(rows, policies, disguised, _say, jobs),
        "latency_ms": latencies(rows, policies),
        "latency_disguised_ms": latencies_disguised(rows, policies),
        "curves": curves(scored),
    }


def _unseen(path: Path, policies: Path, jobs: int) -> dict[str, Any]:
    rows = read(path)
    _say(f"{len(rows)} unseen texts")
    pairs = list(zip(rows, judge([(row.text, row.kind) for row in rows], policies, jobs), strict=True))
    return {
        "data": {"rows": len(rows), "attacks": sum(row.attack for row in rows)},
        "ranking": ranking([(one.score, row.attack) for row, one in pairs]),
        "decisions": decisions(pairs),
        "by_source": by_source(pairs, ()),
    }


def _peers(rows: list[Row]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, version in peers.versions().items():
        _say(f"peer {name}")
        try:
            python = peers.install(CACHE / "screening-peers")
            found[name] = {"version": version, **peers.measure(name, python, rows)}
        except peers.PeerError as error:
            found[name] = {"version": version, "not_measured": f"not measured: {error}"}
    return found


def put_into(path: Path, text: str) -> None:
    """Write the figures between the marks of a document.

    Raises:
        ValueError: the marks are missing.
    """
    head, begin, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path.name} has no place for figures")
    path.write_text(f"{head}{begin}\n\n{text}\n\n{end}{tail}", encoding="utf-8")


def _drawing(found: dict[str, Any]) -> str:
    return draw({"Assay": found["curves"]["roc"]}, "harmless texts flagged", "attacks found", logarithmic=True)


def _say(line: str) -> None:
    typer.echo(line, err=True)


if __name__ == "__main__":
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    app()
