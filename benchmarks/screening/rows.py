"""Labelled texts, read from the operator's own JSON Lines file. Reports contain none of their content."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TypeVar

from cli.screen.jsonl import BadLine, lines_of, parse, text_of
from cli.screen.offline import kind_of
from domain.inference.content import TextKind

BANDS = ((0, 200), (201, 1_000), (1_001, 4_000), (4_001, 10**9))
"""Lengths in code points, from and to."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Row:
    """A text, its label, the name of its source, and its kind of text."""

    text: str
    attack: bool
    source: str
    kind: str = TextKind.PROMPT.value


def read(path: Path) -> list[Row]:
    """Read every line.

    Raises:
        BadLine: it is not ``{"text", "label", "source"}`` with a label of 0 or 1.
        OSError: the file can't be read.
    """
    rows: list[Row] = []
    for number, line in lines_of(str(path)):
        row = parse(number, line)
        if row.get("label") not in (0, 1):
            raise BadLine(number, "label", "must be 0 or 1")
        source = text_of(number, row, "source") if "source" in row else "unnamed"
        rows.append(Row(text_of(number, row), bool(row["label"]), source, kind_of(number, row).value))
    return rows


def band_of(text: str) -> str:
    """Return the name of a text's length band."""
    low, high = next(band for band in BANDS if len(text) <= band[1])
    return f"over {low - 1:,}" if high == BANDS[-1][1] else f"{low:,} to {high:,}"


def band_names() -> list[str]:
    """Return the names of all length bands, in order."""
    return [band_of("x" * max(low, 1)) for low, _ in BANDS]


def sample(rows: Sequence[Row], most: int, seed: int = 0) -> list[Row]:
    """Return at most so many rows, balanced by source, the same each time."""
    random = Random(seed)
    groups = [random.sample(group, len(group)) for group in grouped(rows, lambda row: row.source).values()]
    taken: list[Row] = []
    for index in range(max(map(len, groups), default=0)):
        taken += [group[index] for group in groups if index < len(group)]
    return taken[:most]


def grouped(items: Iterable[Item], key: Callable[[Item], str]) -> dict[str, list[Item]]:
    """Group items by a name, names sorted."""
    groups: dict[str, list[Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return dict(sorted(groups.items()))
