"""Figures of a detector's scores and decisions, in all and by source, length and disguise."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.screening.judging import Judged, judge
from benchmarks.screening.obfuscate import TECHNIQUES, Obfuscator
from benchmarks.screening.rows import Row, band_names, band_of, grouped, sample
from domain.screening.figures import area, best_at, curve, precision, wilson
from domain.screening.verdicts import Decision

RATES = (0.001, 0.01, 0.05)
_CURVE_POINTS = 200

Pair = tuple[Row, Judged]


def ranking(scored: Sequence[tuple[float, bool]]) -> dict[str, Any]:
    """Return the quality of the ranking: area, and the detection rate at each false-positive rate."""
    points = curve(scored)
    return {
        "auc": _round(area(points)),
        "tpr_at_fpr": {f"{rate:g}": _round(best_at(points, rate).tpr) for rate in RATES},
    }


def curves(scored: Sequence[tuple[float, bool]]) -> dict[str, list[list[float]]]:
    """Return points of the ROC and the precision-recall curve, thinned out."""
    points = curve(scored)
    attacks = sum(label for _, label in scored)
    roc = [[_round(point.fpr, 5), _round(point.tpr)] for point in points]
    recall = [[_round(one), _round(other)] for one, other in precision(points, len(scored) - attacks, attacks)]
    return {"roc": _thinned(roc), "precision_recall": _thinned(recall)}


def decisions(pairs: Sequence[Pair]) -> dict[str, Any]:
    """Return the effect of the shipped thresholds: shares of harmless texts and of attacks, with 95 % intervals."""
    found: dict[str, Any] = {}
    for name, attack in (("benign", False), ("attacks", True)):
        judged = [one for row, one in pairs if row.attack is attack]
        if judged:
            found[name] = {
                "rows": len(judged),
                "blocked": _share(sum(one.decision is Decision.BLOCK for one in judged), len(judged)),
                "flagged": _share(sum(one.flagged for one in judged), len(judged)),
            }
    flagged = [row.attack for row, one in pairs if one.flagged]
    found["precision"] = _round(sum(flagged) / len(flagged)) if flagged else None
    return found


def by_source(pairs: Sequence[Pair], seen: Collection[str]) -> dict[str, Any]:
    """Return decisions for each source; ``trained_on`` is true for training data of the model."""
    groups = grouped(pairs, lambda pair: pair[0].source)
    return {name: {"trained_on": name in seen, **decisions(group)} for name, group in groups.items()}


def by_length(pairs: Sequence[Pair]) -> dict[str, Any]:
    """Return decisions for each length."""
    groups = grouped(pairs, lambda pair: band_of(pair[0].text))
    return {name: decisions(groups[name]) for name in band_names() if name in groups}


def by_disguise(
    rows: Sequence[Row], policies: Path, most: int, say: Callable[[str], None], jobs: int = 0
) -> dict[str, Any]:
    """Return for each disguise: attacks found compared with the plain ones, and flagged harmless texts."""
    attacks = sample([row for row in rows if row.attack], most)
    benign = sample([row for row in rows if not row.attack], most)
    plain = {"attacks": _flagged(attacks, policies, None, jobs), "benign": _flagged(benign, policies, None, jobs)}
    found: dict[str, Any] = {"rows": {"attacks": len(attacks), "benign": len(benign)}, "plain": plain}
    for name, disguise in TECHNIQUES.items():
        say(f"disguised by {name}")
        hit, wrong = _flagged(attacks, policies, disguise, jobs), _flagged(benign, policies, disguise, jobs)
        ratio = _round(hit / plain["attacks"]) if plain["attacks"] else None
        found[name] = {"attacks": hit, "benign": wrong, "found_to_plain": ratio}
    return found


def _flagged(rows: Sequence[Row], policies: Path, disguise: Obfuscator | None, jobs: int) -> float:
    random = Random(0)
    texts = [disguise(row.text, random) if disguise else row.text for row in rows]
    judged = judge(texts, policies, jobs)
    return _round(sum(one.flagged for one in judged) / len(judged)) if judged else 0.0


def _share(count: int, of: int) -> dict[str, float]:
    low, high = wilson(count, of)
    return {"share": _round(count / of), "low": _round(low), "high": _round(high)}


def _thinned(points: list[list[float]]) -> list[list[float]]:
    step = max(1, len(points) // _CURVE_POINTS)
    return [*points[:-1:step], points[-1]]


def _round(value: float, digits: int = 4) -> float:
    return round(value, digits)
