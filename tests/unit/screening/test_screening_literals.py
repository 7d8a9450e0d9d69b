"""A rule is tried only where it may match: what it needs is read off its pattern, and never rules a match out."""

import re

import pytest

from domain.inference.content import TextKind
from domain.policy.document import Policy
from domain.screening.literals import Index, flat, required
from domain.screening.policy import Rule, RuleSet
from domain.screening.rules import find
from domain.text.normalise.pipeline import normalise
from tests.unit.screening.test_rules import PROMPT_RULES


def _meets(clauses: tuple[frozenset[str], ...], text: str) -> bool:
    return all(any(literal in flat(text) for literal in clause) for clause in clauses)


@pytest.mark.parametrize(
    ("pattern", "needs"),
    [
        (r"ignore \s previous", [{"ignore previous"}]),
        (
            r"(?:ignore|forget) \s (?:all \s)? rules?",
            [{"ignore all rule", "ignore rule", "forget all rule", "forget rule"}],
        ),
        (r"ignore [^\n]{0,9} rules", [{"rules"}, {"ignore"}]),
        (r"(?: reveal | show) \b .{1,5} (?: prompt | \w{3} key )", [{"prompt", "key"}, {"reveal", "show"}]),
        (r"(?:a{2}|secret) \d", []),
        (r"[a-z]{3,9}", []),
        (r"secret | \d{4}", []),
        (r"(?=secret) \w{6} [ab] c", [{"ac", "bc"}]),
        (r"do \s? not (?!hing)", [{"donot", "do not"}]),
        (r"key \ \ \ \ word", [{"key word"}]),
        (r"忽略 .{0,9} (?:指令|规则)", [{"忽略"}, {"指令", "规则"}]),
    ],
)
def test_what_a_pattern_needs(pattern: str, needs: list[set[str]]):
    found = required(pattern)
    assert sorted(map(sorted, found)) == sorted(map(sorted, needs))


def test_white_space_of_any_kind_is_one_space():
    (rule,) = (Rule("x", 1.0, re.compile(text), required(text)) for text in [r"\bignore\s\s?rules\b"])
    for text in ("ignore rules", "ignore\n rules", "x ignore\u2003rules."):
        assert rule.pattern.search(text)
        assert list(RuleSet((rule,)).candidates(text)) == [rule]
    assert list(RuleSet((rule,)).candidates("ignore the rules")) == []


def test_a_pattern_that_needs_nothing_is_always_tried():
    assert list(Index([(), (frozenset({"abc"}),), (frozenset({"abcdef"}), frozenset({"x"}))]).candidates("zzz")) == [0]


@pytest.mark.parametrize("entry", PROMPT_RULES, ids=lambda entry: entry["name"])
def test_wherever_a_shipped_rule_matches_its_needs_are_met(policy: Policy, entry: dict[str, list[str]]):
    views = [normalise(example).view.text for example in entry["matches"] + entry["passes"]]
    for rule in policy.screening.rules[TextKind.PROMPT].tried:
        for view in (*views, views[0].replace(" ", "\n")):
            assert not rule.pattern.search(view) or _meets(rule.needs, view), rule.name


def test_most_rules_need_something_and_an_ordinary_text_is_tried_by_few(policy: Policy):
    rules = policy.screening.rules[TextKind.PROMPT]
    assert sum(not rule.needs for rule in rules.tried) <= 2
    view = normalise(
        "Could you please write a short letter to my landlord about the broken heating in the kitchen?"
    ).view
    tried = list(rules.candidates(view.text))
    assert len(tried) < len(rules.rules) / 5
    assert not any(find(rule, view) for rule in rules.rules)
