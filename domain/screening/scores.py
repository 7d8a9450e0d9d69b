"""Scores of findings: combination of rules and classifiers, and the decision for a score.

Scores of different rules are combined by noisy-or (Pearl 1988), 1 - (1-a)(1-b)...: two findings weigh more than one.
A classifier only compares a text with known attacks: it confirms rules. Alone its odds count less, and it can't block.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from domain.screening.ngrams_detector import Ngrams
from domain.screening.policy import Thresholds
from domain.screening.verdicts import Decision, Finding

CLASSIFIERS = frozenset({Ngrams.name})
"""Detectors of resemblance alone. An operator's own model counts as a rule: its precision is known."""
SURE = 0.5
"""Least combined score of rules that a classifier can confirm, and that a block requires."""
ALONE_ODDS = math.exp(-0.5)
"""Factor of a classifier's odds without sure rules: its margin must be higher by 0.5."""
ALONE_MOST = 0.8
"""Greatest score of a classifier without sure rules."""


@dataclass(frozen=True, slots=True)
class TextScore:
    """Score of a text, 0 to 1: in all, and by named rules alone."""

    total: float = 0.0
    named: float = 0.0


def score_of(findings: Iterable[Finding]) -> TextScore:
    """Return a text's score, rounded for a uniform text form."""
    found = tuple(findings)
    named = combine(finding for finding in found if finding.detector not in CLASSIFIERS)
    resemblance = combine(finding for finding in found if finding.detector in CLASSIFIERS)
    return TextScore(round(1.0 - (1.0 - named) * (1.0 - confirmed(resemblance, named)), 6), named)


def confirmed(resemblance: float, named: float) -> float:
    """Return a classifier's share in a text's score: in full beside sure rules."""
    if named >= SURE:
        return resemblance
    return ALONE_MOST * resemblance * ALONE_ODDS / (resemblance * ALONE_ODDS + 1.0 - resemblance)


def combine(findings: Iterable[Finding]) -> float:
    """Return the noisy-or of findings, each rule counted once, by its greatest score."""
    by_rule: dict[tuple[str, str], float] = {}
    for finding in findings:
        key = (finding.detector, finding.rule)
        by_rule[key] = max(finding.score, by_rule.get(key, 0.0))
    return round(1.0 - math.prod(1.0 - score for score in by_rule.values()), 6)


def decide(score: TextScore, thresholds: Thresholds) -> Decision:
    """Return the decision for a text's score. Without sure rules it is no block."""
    if score.total >= thresholds.block and score.named >= SURE:
        return Decision.BLOCK
    return Decision.REVIEW if score.total >= min(thresholds.review, thresholds.block) else Decision.ALLOW
