"""Readable form of a verdict: each finding with its rule's description and its place."""

import unicodedata
from collections.abc import Mapping

from domain.screening.detectors import NOT_SCANNED
from domain.screening.normaliser import Normaliser
from domain.screening.verdicts import Finding, Mode, Verdict

_AROUND = 40  # characters shown on either side of a span
_LONGEST = 160  # characters shown of a span


def explain(number: int, text: str, verdict: Verdict, described: Mapping[str, str]) -> str:
    """Return several lines of plain text. Invisible characters are escaped, so none can control the terminal."""
    undone = [finding for finding in verdict.findings if _only_undone(finding)]
    found = [finding for finding in verdict.findings if not _only_undone(finding)]
    cause = "monitoring only" if verdict.mode is Mode.MONITOR else "without reviewers"
    monitored = f", {cause}: would be {verdict.withheld.value}" if verdict.withheld is not None else ""
    lines = [f"line {number}: {verdict.decision.value}, score {verdict.score:g}{monitored}"]
    for finding in found:
        place = f"characters {finding.start} to {finding.end}"
        lines.append(f"  {finding.detector}: {finding.rule}, score {finding.score:g}, {place}")
        if description := described.get(finding.rule):
            lines.append(f"    {description}")
        lines.append(f"    {in_context(text, finding)}")
    if undone:
        told = (f"{finding.rule} ({finding.start} to {finding.end})" for finding in undone)
        lines.append(f"  undone by normalisation: {', '.join(told)}")
    states = (f"{report.detector} {report.state.value}" for report in verdict.detectors)
    lines.append(f"  detectors: {', '.join(states)}")
    return "\n".join(lines) + "\n\n"


def _only_undone(finding: Finding) -> bool:
    """Return True for a finding that only reports a disguise, which is no offence."""
    return finding.detector == Normaliser.name and finding.rule != NOT_SCANNED and not finding.score


def in_context(text: str, finding: Finding) -> str:
    """Return the finding's text between marks, with some context, on one line."""
    before = text[max(0, finding.start - _AROUND) : finding.start]
    span = text[finding.start : finding.end]
    after = text[finding.end : finding.end + _AROUND]
    if len(span) > _LONGEST:
        span = f"{span[: _LONGEST // 2]}\u2026{span[-_LONGEST // 2 :]}"
    head = "\u2026" if finding.start > _AROUND else ""
    tail = "\u2026" if finding.end + _AROUND < len(text) else ""
    return f"{head}{visible(before)}\u27e6{visible(span)}\u27e7{visible(after)}{tail}"


def visible(text: str) -> str:
    """Replace every invisible character by its code point: ``\\u{200b}``."""
    return "".join(char if _is_seen(char) else f"\\u{{{ord(char):x}}}" for char in text.replace("\n", " "))


def _is_seen(char: str) -> bool:
    return char == " " or (unicodedata.category(char)[0] not in "CZ" and not "\ufe00" <= char <= "\ufe0f")
