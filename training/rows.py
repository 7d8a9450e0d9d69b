"""Training data: labelled prompts from a file outside the repository, and generated texts."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from training.grammar import Grammar

SEED = 7
PER_FAMILY = 100
_HERE = Path(__file__).resolve().parent
_GRAMMARS = (
    ("attacks.yaml", 1, 1),
    ("attacks_data.yaml", 1, 1),
    ("attacks_languages.yaml", 1, 4),
    ("benign.yaml", 0, 1),
    ("benign_agents.yaml", 0, 2),
    ("benign_turns.yaml", 0, 3),
)
"""Files with their label, and a factor of the number of texts: families of many languages need more."""
OWN = "grammar_"
"""Prefix of the sources of generated texts."""


@dataclass(frozen=True)
class Row:
    """A text; 1 if it is an attack, else 0; and its source, for holding out whole groups."""

    text: str
    label: int
    source: str


def read_rows(path: Path) -> list[Row]:
    """Read rows of a JSON Lines file with the members ``text``, ``label`` (1 = attack) and ``source``.

    A source with both labels counts as two.

    Raises:
        ValueError: a row lacks a member, or its label is neither 0 nor 1. It names the line.
    """
    rows = []
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            try:
                entry = json.loads(line)
                row = Row(str(entry["text"]), {0: 0, 1: 1}[entry["label"]], f"{entry['source']}:{entry['label']}")
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(f"line {number} is no labelled prompt") from error
            rows.append(row)
    return rows


def own_rows(per_family: int = PER_FAMILY) -> Iterator[Row]:
    """Yield texts of the grammars, the same at each call."""
    chance = random.Random(SEED)  # noqa: S311 - for variety, no secret
    for file, label, factor in _GRAMMARS:
        grammar = Grammar.read(_HERE / file)
        for family in grammar.families:
            for text in grammar.texts(family, factor * per_family, chance):
                yield Row(text, label, f"{OWN}{family}:{label}")
