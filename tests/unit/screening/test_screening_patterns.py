"""Patterns with bounded work only: what an operator may not write, and why not."""

import pytest

from domain.screening.patterns import compile_pattern


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
