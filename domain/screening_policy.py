"""What an operator decides about screening, as values. ``domain/policy_screening.py`` reads them from the policy."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """A named pattern and how sure it is, 0 to 1. It matches on the normalised view of a text."""

    name: str
    score: float
    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Scores from which on a verdict asks for a review or a block, and from which on the risk is raised or high."""

    review: float
    block: float
    raised: float
    high: float


@dataclass(frozen=True, slots=True)
class ScreeningPolicy:
    """How prompts are screened.

    Attributes:
        detectors: names of the detectors that must run, none twice, at least one.
        thresholds: what a score leads to.
        max_scanned_chars: code points of a conversation that are read; more is a finding of its own.
        hidden_text_score: the score of text that hides.
        rules: the rules of the rule sets that are switched on.
        removed_characters: visible characters that sanitising takes out, so that detectors read past them as well.
        ngram_model: the name of the classifier's model that the thresholds were made for.
    """

    detectors: tuple[str, ...]
    thresholds: Thresholds
    max_scanned_chars: int
    hidden_text_score: float
    rules: tuple[Rule, ...]
    removed_characters: str = ""
    ngram_model: str = ""
