"""Matching of the policy's rules for secrets."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from domain.privacy.detection.exemptions import exempt
from domain.privacy.policy import DataKind, DataRule

# Continuation of a secret beyond the match of its pattern, whose repeats are bounded.
_REST: Mapping[DataKind, re.Pattern[str]] = MappingProxyType(
    {DataKind.API_KEY: re.compile(r"[A-Za-z0-9_-]*"), DataKind.TOKEN: re.compile(r"[A-Za-z0-9_~+/=.-]*")}
)


def places_of(rule: DataRule, text: str) -> list[tuple[int, int]]:
    """Return a rule's matches, each secret extended to its end, without exempt ones."""
    if rule.hints and not any(hint in text for hint in rule.hints):
        return []
    group = "value" if "value" in rule.pattern.groupindex else 0
    places: list[tuple[int, int]] = []
    free = 0
    for match in rule.pattern.finditer(text):
        start, end = match.span(group if match[group] is not None else 0)
        if start < free:  # within the one before, which was read to its end
            continue
        if (rest := _REST.get(rule.kind)) and (more := rest.match(text, end)):
            end += len(more[0].rstrip("."))
        free = end
        if start < end and not (rule.exempt and exempt(text[start:end], match.groupdict().get("login"), rule.exempt)):
            places.append((start, end))
    return places
