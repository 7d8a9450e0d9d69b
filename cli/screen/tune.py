"""``assay screen tune``: thresholds for the operator's own texts, with their error rates."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.output import JsonFlag, Output
from cli.screen.commands import USAGE, app, policy_document
from cli.screen.curve import NoDrawing, draw_curves
from cli.screen.jsonl import BadLine, lines_of, parse, text_of, written
from cli.screen.offline import Screener, kind_of
from cli.screen.tuning import Labelled, Proposal, fragment, propose
from config.settings import Settings
from domain.policy.document import PolicyError
from domain.refusals import Refusal
from domain.screening.figures import NoFiguresError, Point, curve


@app.command("tune")
def tune(
    source: Annotated[
        str, typer.Option("--input", help='JSON Lines: {"text", "label"}, 1 for an attack, 0 otherwise.')
    ],
    output: Annotated[
        Path | None, typer.Option(help="Output directory for thresholds.yaml, costs.json and curve.png.")
    ] = None,
    review_rate: Annotated[
        float, typer.Option(min=0, max=0.5, help="Maximum share of harmless texts reviewed or blocked.")
    ] = 0.02,
    block_rate: Annotated[float, typer.Option(min=0, max=0.5, help="Maximum share of harmless texts blocked.")] = 0.002,
    lengths: Annotated[str, typer.Option(help="Upper ends of the length bands, comma-separated.")] = "1000",
    policies: Annotated[
        Path | None, typer.Option(help="Directory of policy files; taken from the settings by default.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Propose thresholds from your own labelled texts, with their error rates. Nothing is changed."""
    out = Output(as_json)
    if block_rate > review_rate or not review_rate:
        raise out.fail("--block-rate: must not be above --review-rate, which must not be 0", USAGE)
    bands = _bands(out, lengths)
    document = policy_document(out, policies)
    try:
        screener = Screener(document, Settings())
        rows = [_labelled(screener, number, line) for number, line in lines_of(source)]
    except BadLine as bad:
        raise out.fail(f"{source}: {bad}", USAGE) from None
    except PolicyError as error:
        raise out.fail(f"the policy is invalid: {error}", USAGE) from None
    except OSError as error:
        raise out.fail(f"{source}: {error.strerror}") from None
    proposals = list(propose(rows, bands, review_rate, block_rate))
    if not proposals:
        raise out.fail(f"{source}: contains no harmless text, so no rate can be measured", USAGE)
    if output:
        _write(out, output, rows, proposals, {"review": review_rate, "block": block_rate})
    if as_json:
        typer.echo(json.dumps([_told(proposal) for proposal in proposals]))
    else:
        typer.echo("\n".join(map(_shown, proposals)))
        typer.echo("For policies/screening.yaml; omitted kinds stay as they are:\n")
        typer.echo(fragment(proposals), nl=False)


def _bands(out: Output, lengths: str) -> list[int]:
    try:
        bands = [int(part) for part in lengths.split(",") if part.strip()]
    except ValueError:
        bands = [0]
    if bands != sorted(set(bands)) or any(band < 1 for band in bands):
        raise out.fail("--lengths: must be increasing numbers, comma-separated", USAGE)
    return bands


def _labelled(screener: Screener, number: int, line: bytes) -> Labelled:
    row = parse(number, line)
    text, kind = text_of(number, row), kind_of(number, row)
    label = row.get("label")
    if isinstance(label, bool) or label not in (0, 1):
        raise BadLine(number, "label", "must be 1 for an attack or 0 for any other text")
    try:
        verdict = screener.screen(text, kind)
    except Refusal as refusal:
        raise BadLine(number, "", refusal.detail) from None
    return Labelled(kind, len(text), label == 1, verdict.score, verdict.judged)


def _write(
    out: Output, directory: Path, rows: Sequence[Labelled], proposals: Sequence[Proposal], rates: dict[str, float]
) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _put(directory / "thresholds.yaml", fragment(proposals).encode())
        _put(directory / "costs.json", json.dumps([_told(one) for one in proposals], indent=1).encode() + b"\n")
        curves = _curves(rows)
        if curves:
            _put(directory / "curve.png", draw_curves(curves, rates))
        else:
            out.note("no curve was drawn: it needs attacks and harmless texts of the same kind")
    except NoDrawing as missing:
        raise out.fail(str(missing)) from None
    except OSError as error:
        raise out.fail(f"{directory}: {error.strerror}") from None


def _put(path: Path, content: bytes) -> None:
    with written(str(path)) as file:
        file.write(content)


def _curves(rows: Sequence[Labelled]) -> dict[str, Sequence[Point]]:
    found: dict[str, Sequence[Point]] = {}
    for kind in sorted({row.kind for row in rows}):
        scored = [(row.score, row.attack) for row in rows if row.kind == kind]
        try:
            found[f"{kind}, {len(scored)} texts"] = curve(scored)
        except NoFiguresError:
            continue
    return found


def _told(proposal: Proposal) -> dict[str, Any]:
    return {
        "kind": proposal.kind,
        "up_to": proposal.up_to,
        "review": proposal.review,
        "block": proposal.block,
        "costs": {name: share.told() for name, share in proposal.costs.items()},
        "today": {name: share.told() for name, share in proposal.today.items()},
        "warnings": list(proposal.warnings),
    }


def _shown(proposal: Proposal) -> str:
    band = f"up to {proposal.up_to} characters" if proposal.up_to else "all longer texts"
    lines = [f"{proposal.kind}, {band}: review from {proposal.review:g}, block from {proposal.block:g}"]
    for name, share in proposal.costs.items():
        lines.append(f"  {name}: {share.text()}; today {proposal.today[name].text()}")
    lines += [f"  warning: {warning}" for warning in proposal.warnings]
    return "\n".join(lines) + "\n"
