"""``assay screen``: offline screening of files, with the service's code."""

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any

import typer

from cli.output import JsonFlag, Output
from cli.screen.explain import explain
from cli.screen.jsonl import STREAM, BadLine, batches, encode, lines_of, parse, text_of, written
from cli.screen.offline import Screener, descriptions, kind_of, read_policy_files
from config.settings import Settings
from domain.policy.document import PolicyError
from domain.refusals import Refusal
from domain.screening.verdicts import Decision, Verdict

app = typer.Typer(invoke_without_command=True, add_completion=False)

_BATCH = 64  # lines per batch of a process
USAGE = 2
"""Exit code of a wrong call or invalid input."""


@dataclass(frozen=True, slots=True)
class ScreenedLine:
    """A screened line: its decision, and its output."""

    decision: Decision
    written: bytes


class LineScreener:
    """Screens lines. ``people``: readable output instead of JSON; ``explained``: describe the findings' rules."""

    def __init__(self, document: bytes, *, explained: bool, people: bool) -> None:
        self.screener = Screener(document, Settings())
        self._described = descriptions(document)
        self._explained, self._people = explained, people

    def screen(self, number: int, line: bytes) -> ScreenedLine:
        """Screen one line.

        Raises:
            BadLine: it can't be judged.
        """
        row = parse(number, line)
        text = text_of(number, row)
        try:
            verdict = self.screener.screen(text, kind_of(number, row))
        except Refusal as refusal:
            raise BadLine(number, "", refusal.detail) from None
        people = self._people
        shown = explain(number, text, verdict, self._described) if people else encode(row | self._judged(verdict))
        return ScreenedLine(verdict.decision, shown.encode("utf-8", "backslashreplace"))

    def _judged(self, verdict: Verdict) -> dict[str, Any]:
        findings = [
            {
                "detector": finding.detector,
                "rule": finding.rule,
                "score": finding.score,
                "start": finding.start,
                "end": finding.end,
                **({"description": self._described.get(finding.rule, "")} if self._explained else {}),
            }
            for finding in verdict.findings
        ]
        judged: dict[str, Any] = {"decision": verdict.decision.value, "score": verdict.score, "findings": findings}
        if verdict.withheld is not None:
            judged["monitored"] = verdict.withheld.value
        if self._explained:
            judged["detectors"] = {report.detector: report.state.value for report in verdict.detectors}
        return judged


@app.callback(invoke_without_command=True)
def screen(
    context: typer.Context,
    source: Annotated[
        str, typer.Option("--input", help='Input file of JSON Lines, {"text": ...}; - is standard input.')
    ] = "",
    output: Annotated[
        str, typer.Option(help="Output file: the lines with decision, score and findings added; - is standard output.")
    ] = STREAM,
    explained: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Print the findings in readable form; with an output file, add a description of each rule.",
        ),
    ] = False,
    policies: Annotated[
        Path | None, typer.Option(help="Directory of policy files; taken from the settings by default.")
    ] = None,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Number of worker processes.")] = 1,
    as_json: JsonFlag = False,
) -> None:
    """Screen texts offline, with the policy and the code of the service. No server is needed.

    An invalid line ends the command with its number, and leaves an existing output file unchanged.
    """
    if context.invoked_subcommand is not None:
        return
    out = Output(as_json)
    if not source:
        raise out.fail("--input: is missing", USAGE)
    document = policy_document(out, policies)
    people = explained and output == STREAM and not as_json
    counts: Counter[Decision] = Counter()
    try:
        with written(output) as file:
            for line in _screened(source, document, jobs, explained=explained, people=people):
                counts[line.decision] += 1
                file.write(line.written)
    except BadLine as bad:
        raise out.fail(f"{source if source != STREAM else 'standard input'}: {bad}", USAGE) from None
    except PolicyError as error:
        raise out.fail(f"the policy is invalid: {error}", USAGE) from None
    except BrokenPipeError:
        raise typer.Exit(1) from None
    except OSError as error:
        raise out.fail(f"{error.filename or output}: {error.strerror or type(error).__name__}") from None
    if output != STREAM:
        told = {"texts": counts.total(), **{decision.value: counts[decision] for decision in Decision}}
        if as_json:
            typer.echo(json.dumps(told))
        else:
            typer.echo(", ".join(f"{name} {count}" for name, count in told.items()))


def policy_document(out: Output, directory: Path | None) -> bytes:
    """Return the policy document of a directory, or of the settings' one. An invalid policy ends the command."""
    chosen = directory or Settings().policies_dir
    try:
        return read_policy_files(chosen)
    except PolicyError as error:
        raise out.fail(f"the policy in {chosen} is invalid: {error}", USAGE) from None


def _screened(source: str, document: bytes, jobs: int, *, explained: bool, people: bool) -> Iterator[ScreenedLine]:
    """Yield screened lines in order. With several jobs, at most a few batches are in memory."""
    if jobs == 1:
        screener = LineScreener(document, explained=explained, people=people)
        for number, line in lines_of(source):
            yield screener.screen(number, line)
        return
    with ProcessPoolExecutor(
        jobs, mp_context=get_context("spawn"), initializer=_start, initargs=(document, explained, people)
    ) as pool:
        for batch in batches(lines_of(source), _BATCH * jobs * 4):
            yield from pool.map(_screen, batch, chunksize=_BATCH)


_here: list[LineScreener] = []  # this process's instance, if there are several


def _start(document: bytes, explained: bool, people: bool) -> None:
    _here.append(LineScreener(document, explained=explained, people=people))


def _screen(line: tuple[int, bytes]) -> ScreenedLine:
    return _here[0].screen(*line)
