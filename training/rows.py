"""What the classifier learns from: labelled prompts from a file that is not in the repository, and texts of our own."""

import hashlib
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from training.grammar import Grammar

SEED = 7
PER_FAMILY = 300
_HERE = Path(__file__).resolve().parent
_GRAMMARS = (("attacks.yaml", 1), ("benign.yaml", 0))
_SCRIPT = ("attacks.yaml", "benign.yaml", "fit.py", "grammar.py", "rows.py")
OWN = "grammar_"
"""What the sources of texts from the grammars begin with."""


@dataclass(frozen=True)
class Row:
    """A text; 1 if it is an attack, else 0; and the source, by which whole groups can be kept aside."""

    text: str
    label: int
    source: str


def read_rows(path: Path) -> list[Row]:
    """Rows of a JSON-lines file with the members ``text``, ``label`` (1 = attack) and ``source``.

    A source that has both kinds counts as two.

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
    """Texts of the two grammars, the same at each call."""
    chance = random.Random(SEED)  # noqa: S311 - for variety, no secret
    for file, label in _GRAMMARS:
        grammar = Grammar.read(_HERE / file)
        for family in grammar.families:
            for text in grammar.texts(family, per_family, chance):
                yield Row(text, label, f"{OWN}{family}:{label}")


def script_digest() -> str:
    """SHA-256, hexadecimal, of what makes weights: how rows are made and learnt from, and what features are."""
    digest = hashlib.sha256()
    for path in (*(_HERE / name for name in _SCRIPT), _HERE.parent / "domain" / "ngrams.py"):
        content = path.read_bytes()
        digest.update(f"{path.name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()
