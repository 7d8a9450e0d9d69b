"""Policy for screening answers, as values. Read by ``domain/policy/screening.py``."""

import re
from dataclasses import dataclass
from enum import StrEnum

from domain.screening.verdicts import Decision


@dataclass(frozen=True, slots=True)
class OutputRule:
    """A named pattern, matched on the unchanged answer. ``action`` is REVIEW or BLOCK."""

    name: str
    action: Decision
    pattern: re.Pattern[str]
    outside_code: bool


class UnknownHosts(StrEnum):
    """Treatment of loaded content of a host neither trusted nor named in the conversation."""

    ALLOW = "allow"
    SHOW_AS_TEXT = "show_as_text"
    REVIEW = "review"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class LinkPolicy:
    """Decisions for exfiltrating addresses: REVIEW or BLOCK each.

    Attributes:
        loaded: for addresses that a viewer fetches automatically, such as an image's.
        followed: for links.
        active: for addresses that execute code, such as ``javascript:``.
        trusted_hosts: hosts, with their subdomains, whose addresses are not checked.
        unknown_hosts: for loaded addresses of other hosts that the conversation doesn't name.
    """

    loaded: Decision
    followed: Decision
    active: Decision
    trusted_hosts: tuple[str, ...] = ()
    unknown_hosts: UnknownHosts = UnknownHosts.ALLOW


@dataclass(frozen=True, slots=True)
class OutputPolicy:
    """Policy for screening answers. A member that is None is disabled.

    Attributes:
        rules: at least one.
        max_scanned_chars: maximum number of code points of an answer that are read.
        leak_words: number of consecutive words of a system message that are a leak.
        leak_action: REVIEW or BLOCK.
        links: decisions for exfiltrating addresses.
        hidden_action: decision for hidden text.
        canary_action: decision for a leaked canary; system messages get one only if it is set.
    """

    rules: tuple[OutputRule, ...]
    max_scanned_chars: int
    leak_words: int
    leak_action: Decision
    links: LinkPolicy | None = None
    hidden_action: Decision | None = None
    canary_action: Decision | None = None
