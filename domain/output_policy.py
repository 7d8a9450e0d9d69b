"""What an operator decides about screening answers, as values. ``domain/policy_screening.py`` reads them."""

import re
from dataclasses import dataclass

from domain.verdicts import Decision


@dataclass(frozen=True, slots=True)
class OutputRule:
    """A named pattern on the answer as it is. ``action`` is REVIEW or BLOCK."""

    name: str
    action: Decision
    pattern: re.Pattern[str]
    outside_code: bool


@dataclass(frozen=True, slots=True)
class OutputPolicy:
    """How answers are screened.

    Attributes:
        rules: at least one.
        max_scanned_chars: code points of an answer that are read.
        leak_words: how many words in a row of a system message are a leak.
        leak_action: REVIEW or BLOCK.
    """

    rules: tuple[OutputRule, ...]
    max_scanned_chars: int
    leak_words: int
    leak_action: Decision
