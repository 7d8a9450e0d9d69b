"""A pattern's alternatives: together they match just where the pattern does."""

import re

import pytest

from domain.inference.content import TextKind
from domain.policy.document import Policy
from domain.screening.phrases.alternatives import alternatives
from domain.text.normalise.pipeline import normalise
from tests.unit.screening.test_rules import PROMPT_RULES

LONG = "a{1,9} " * 8


@pytest.mark.parametrize(
    ("pattern", "parts"),
    [
        ("ignore | forget", 1),
        (f"{LONG} x | {LONG} y", 2),
        (f"(?: {LONG} x | {LONG} y ) (?! z )", 2),
        (f"(?<!q) (?: {LONG} x | {LONG} [|] | {LONG} \\| ) z", 3),
        (f"(?: {LONG} x | {LONG} y ){{1,2}}", 1),
        (f"( {LONG} x | {LONG} y )", 1),
        (f"(?: {LONG} (?: x | y ) )", 1),
        (f"(?: x | y ) {LONG} # a comment | with a bar\n", 1),
    ],
)
def test_only_a_bulk_of_long_alternatives_is_divided(pattern: str, parts: int):
    found = alternatives(pattern)
    assert len(found) == parts
    assert parts > 1 or found == (pattern,)


def test_the_parts_of_shipped_rules_match_where_the_rules_do(policy: Policy):
    rules = [rule for rule in policy.screening.rules[TextKind.TOOL_OUTPUT].rules if rule.parts]
    assert len(rules) > 20
    texts = [text for entry in PROMPT_RULES for text in entry["matches"] + entry["passes"]]
    for view in [normalise(text).view.text for text in texts]:
        for rule in rules:
            whole = rule.pattern.search(view)
            starts = [found.start() for part in rule.parts if (found := part.pattern.search(view))]
            assert (whole.start() if whole else None) == min(starts, default=None), (rule.name, view)


def test_a_part_is_a_pattern_of_its_own():
    for part in alternatives(f"(?<!q) (?: {LONG} x | {LONG} y ) \\b"):
        assert re.compile(part, re.VERBOSE).search("aaaaaaaax") or part.count("y")
