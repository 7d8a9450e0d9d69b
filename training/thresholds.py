"""Thresholds by length, from ordinary prompts of held-out sources.

Documents are made by joining prompts of one source, as the data has few long texts. That is harsher than prose: each of
them contains requests.
"""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from training.evaluate import held_out_margins, rule_scores, together
from training.fit import Floats
from training.rows import SEED, Row, own_rows, read_rows

BANDS = ((0, 1_000), (1_000, 4_000), (4_000, 1_000_000))
REVIEW, BLOCK = 0.02, 0.0015
"""Shares of ordinary texts to be reviewed and blocked here, about a third of those expected elsewhere."""
DOCUMENTS = 600
_LONGEST = 12_000
_JOINT = "\n\n"


def documents(rows: Sequence[Row], number: int = DOCUMENTS) -> Iterator[Row]:
    """Yield ordinary texts of 1,000 to 12,000 characters, each joined from prompts of one source."""
    chance = random.Random(SEED)  # noqa: S311 - for variety, no secret
    by_source: dict[str, list[str]] = {}
    for row in rows:
        if row.label == 0:
            by_source.setdefault(row.source, []).append(row.text)
    sources = sorted(source for source, texts in by_source.items() if sum(map(len, texts)) > _LONGEST)
    for index in range(number):
        source = sources[index % len(sources)]
        wanted = int(1_000 * (_LONGEST / 1_000) ** chance.random())
        text = ""
        while len(text) < wanted:
            text += _JOINT + chance.choice(by_source[source])
        yield Row(text.strip()[:_LONGEST], 0, source)


def at_rate(scores: Floats, rate: float) -> float:
    """Return the lowest threshold, in steps of 0.01, reached by at most this share of the scores."""
    steps = np.arange(1, 101) / 100
    kept = [step for step in steps if np.mean(scores >= step) <= rate]
    return float(kept[0]) if kept else 1.0


def propose(data: Path) -> None:
    """Print thresholds by length, with their detection and false-positive rates on held-out sources."""
    rows = read_rows(data)
    joined = list(documents(rows))
    margins = held_out_margins(rows, list(own_rows()), joined)
    judged = [*rows, *joined]
    scores = together(margins, rule_scores(judged))
    labels = np.array([row.label for row in judged])
    lengths = np.array([len(row.text) for row in judged])
    for low, high in BANDS:
        mine = (lengths > low) & (lengths <= high)
        ordinary, attacks = scores[mine & (labels == 0)], scores[mine & (labels == 1)]
        review, block = at_rate(ordinary, REVIEW), at_rate(ordinary, BLOCK)
        print(
            f"{low}-{high}: review {review:.2f} block {block:.2f} ({len(ordinary)} ordinary texts); of {len(attacks)} "
            f"attacks {np.mean(attacks >= review):.3f} reviewed or blocked, {np.mean(attacks >= block):.3f} blocked"
        )
