"""What an operator decides about screening answers, as values. ``domain/policy/screening.py`` reads them."""

import re
from dataclasses import dataclass

from domain.screening.verdicts import Decision


@dataclass(frozen=True, slots=True)
class OutputRule:
    """A named pattern on the answer as it is. ``action`` is REVIEW or BLOCK."""

    name: str
    action: Decision
    pattern: re.Pattern[str]
    outside_code: bool


@dataclass(frozen=True, slots=True)
class LinkPolicy:
    """What addresses that carry data off lead to: REVIEW or BLOCK each.

    Attributes:
        loaded: those that a viewer fetches unasked, such as an image's.
        followed: those of links.
        active: those that run something, such as ``javascript:``.
        trusted_hosts: hosts, with all below them, whose addresses are not judged.
    """

    loaded: Decision
    followed: Decision
    active: Decision
    trusted_hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OutputPolicy:
    """How answers are screened. What is None is switched off.

    Attributes:
        rules: at least one.
        max_scanned_chars: code points of an answer that are read.
        leak_words: how many words in a row of a system message are a leak.
        leak_action: REVIEW or BLOCK.
        links: addresses that carry data off.
        hidden_action: what text that people don't see leads to.
        canary_action: what giving a canary away leads to. Only then do system messages get one.
    """

    rules: tuple[OutputRule, ...]
    max_scanned_chars: int
    leak_words: int
    leak_action: Decision
    links: LinkPolicy | None = None
    hidden_action: Decision | None = None
    canary_action: Decision | None = None
