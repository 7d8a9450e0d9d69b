"""Every shipped rule on its own examples, in every rule set, switched on or not."""

from typing import Any

import pytest
import yaml

from domain.answers.screen import matches, screen_output
from domain.inference.requests import bare_request
from domain.policy.document import Policy
from domain.screening.patterns import compile_pattern
from domain.screening.phrases.mentions import Hit
from domain.screening.policy import Rule
from domain.screening.rules import find
from domain.screening.verdicts import Decision
from domain.text.normalise.fold import fold
from domain.text.sanitise import SanitisePolicy, sanitise
from tests.unit.conftest import POLICIES


def _entries(path: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load((POLICIES / path).read_text(encoding="utf-8")).get("rules", ()))


PROMPT_RULES = [
    entry for path in sorted((POLICIES / "rules").glob("*.yaml")) for entry in _entries(f"rules/{path.name}")
]
OUTPUT_RULES = _entries("output.yaml")


def _find(entry: dict[str, Any], text: str) -> Hit | None:
    rule = Rule(entry["name"], entry["score"], compile_pattern(entry["pattern"]))
    return find(rule, fold(sanitise(text, SanitisePolicy()).text))


@pytest.mark.parametrize("entry", PROMPT_RULES, ids=lambda entry: entry["name"])
def test_a_rule_for_prompts_finds_what_it_says_and_lets_the_rest_pass(entry: dict[str, Any]):
    for example in entry["matches"]:
        hit = _find(entry, example)
        assert hit is not None, example
        assert not hit.mention, example
    for example in entry["passes"]:
        hit = _find(entry, example)
        assert hit is None or hit.mention, example


@pytest.mark.parametrize("entry", PROMPT_RULES, ids=lambda entry: entry["name"])
def test_a_rule_for_prompts_finds_its_examples_in_disguise(entry: dict[str, Any]):
    for example in entry["matches"]:
        for disguise in (example.upper(), example.replace(" ", "   "), "\u200b".join(example), f"Hello!\n{example}"):
            assert _find(entry, disguise), disguise


@pytest.mark.parametrize("entry", OUTPUT_RULES, ids=lambda entry: entry["name"])
def test_a_rule_for_answers_does_as_it_says(entry: dict[str, Any], policy: Policy):
    (rule,) = (rule for rule in policy.output.rules if rule.name == entry["name"])
    for example in entry["matches"]:
        verdict = screen_output(f"Sure: {example} is it.", bare_request(), policy.output)
        assert entry["name"] in verdict.rules
        assert verdict.decision in (Decision(entry["action"]), Decision.BLOCK)
    for example in entry["passes"]:
        assert not matches(rule, example)


def test_rules_have_names_of_their_own():
    names = [entry["name"] for entry in PROMPT_RULES]
    assert len(set(names)) == len(names)
