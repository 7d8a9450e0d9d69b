"""Patterns with bounded work only: what an operator may not write, and why not."""

import pytest

from domain.policy.reader import Section
from domain.policy.rule_sets import read_rule_sets
from domain.screening.patterns import compile_pattern
from domain.screening.phrases.syntax import lazy_pattern


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("a*", "upper bound"),
        ("a+b", "upper bound"),
        (r"\s{2,}x", "upper bound"),
        ("(?:a+)+b", "upper bound"),
        ("(?:a{1,9}){1,8}b", "nested repeat"),
        ("(?:(?:ab{1,2}c))x(?:(?:d{0,3}e)f){2}", "nested repeat"),
        ("(?:a|b){1,9}c", "repeats too often"),
        ("a{1,257}", "repeats too often"),
        ("a.{0,20}b.{0,20}c.{0,20}d.{0,20}e", "can match too much"),
        (r"(a)b\1", "backreference"),
        ("(?P<x>a)(?P=x)", "not allowed"),
        ("(?i)a", "not allowed"),
        ("(?>a)", "not allowed"),
        ("a(?#comment)b", "not allowed"),
        ("(a", "not a regular expression|can match too much"),
        ("a)", "not a regular expression"),
        ("[a", "not a regular expression"),
        ("a|", "empty text"),
        ("a?", "empty text"),
        ("", "empty text"),
    ],
)
def test_what_may_not_be_written(pattern: str, reason: str):
    with pytest.raises(ValueError, match=reason):
        compile_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (r"ignore \s (?: (?:all|the) \s ){0,4} rules", "ignore all the rules"),
        (r"[*+{}]{1,3} x", "*+x"),
        (r"\* \{ 2, \} x", "*{2,}x"),
        (r"a  # a comment with a* in it", "a"),
        (r"(?:a.{0,20}b | c.{0,20}d | e.{0,20}f | g.{0,20}h)", "g...h"),
        (r"(?<=x)(?!y)z", "xz"),
        (r"[]*]y", "*y"),
        (r"[^]a]y", "by"),
        (r"a{3}", "aaa"),
        (r"(?:a{3}b){1,4}", "aaab"),
        (r".{20}a.{20}b.{20}c.{20}", "x" * 20 + "a" + "x" * 20 + "b" + "x" * 20 + "c" + "x" * 20),
        (r"a{,2}b", "aab"),
    ],
)
def test_what_may_be_written(pattern: str, text: str):
    assert compile_pattern(pattern).search(text)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(a", "not a regular expression"),
        ("a)", "not a regular expression"),
        ("[a", "not a regular expression"),
        ("(?<=ab|c)d", "fixed length"),
        ("(?:x|(?<!a{1,2})y){1,2}z", "fixed length"),
        ("x(?=(?<=a?)b)", "fixed length"),
        ("a|", "empty text"),
        (r"(?:a b)?", "empty text"),
    ],
)
def test_a_pattern_that_is_compiled_later_is_checked_before(pattern: str, reason: str):
    with pytest.raises(ValueError, match=reason):
        lazy_pattern(pattern)


@pytest.mark.parametrize(("pattern", "text"), [(r"(?<=ab|cd)e", "cde"), (r"\b(?:x)?(?<!y)\d", "5"), (r"(?=a) \w", "a")])
def test_a_pattern_that_is_compiled_later_matches_as_usual(pattern: str, text: str):
    found = lazy_pattern(pattern)
    assert found.search(text)
    assert [match[0] for match in found.finditer(text)] == [
        match[0] for match in compile_pattern(pattern).finditer(text)
    ]


def test_a_policy_compiles_only_the_alternatives_that_an_example_needs():
    words = [rf"(?: {one} | {two} ) \s please \s tell \s me" for one, two in (("one", "two"), ("three", "four"))]
    rule = {
        "name": "numbers",
        "description": "Numbers.",
        "score": 0.5,
        "pattern": " | ".join(words),
        "matches": ["One, two please tell me"],
        "passes": ["Four"],
    }
    sets = read_rule_sets(Section({"own": {"rules": [rule]}}, "rules"))
    (read,) = sets.together(("own",)).rules
    patterns = [read.pattern, *(part.pattern for part in read.parts)]
    assert ["compiled" in vars(pattern) for pattern in patterns] == [False, True, False]
    assert read_rule_sets(Section({"own": {"rules": [rule]}}, "rules")) is sets, "read again"
    other = {"own": {"rules": [{**rule, "score": 0.4}]}}
    assert read_rule_sets(Section(other, "rules")).together(("own",)).rules[0].score == 0.4
