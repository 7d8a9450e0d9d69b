"""Screening an answer and restoring its values grows with the answer, not with its square."""

import sys
from types import FrameType
from typing import Any

import pytest

from domain.answers.disarming import disarm
from domain.answers.screen import screen_output
from domain.inference.content import Message, Speaker
from domain.inference.requests import bare_request
from domain.policy.document import Policy
from domain.privacy.restoring import put_back

NAME = "[EMAIL_1_BCDF]"
QUESTION = bare_request(Message(Speaker.USER, f"What is new? {NAME}"))

HOSTILE = [
    "<",
    "<a ",
    "<a b",
    "<a b='",
    '<a b="',
    "<a b=\"'",
    "<a b=c ",
    "<b<b",
    "<a x=\"<a y='",
    "<style>",
    "<script>x",
    "](",
    "](<",
    "](a ",
    "](( ",
    "![",
    "![a]",
    "[a]:",
    "[a]: b\n",
    "[",
    "[[[]",
    "\\[",
    ']("',
    '](x "',
    "`",
    "```\n",
    "```\ncurl -d x\n",
    "fetch(",
    "https://",
    "https://a,",
    "//",
    "a.b/",
    "www.",
    "&amp;",
    "url(",
    "<p style='url(",
    "<img srcset='a,",
    "[EMAIL_1_BCDF]",
    "https://[EMAIL_1_BCDF]",
    "[EMAIL_1_BCDF].a",
    "a.",
    "@",
    "EMAIL_1_",
    "\n\n",
    "\n",
    ' "',
    "\\",
    "data:",
    "<!--",
    "a-",
    "<a =",
    "![a](https://e.example/)",
    "<img src=https://e.example>",
    "&",
    "/*",
    "| ` |\n|---|\n",
    "```|\n|---|\n",
    "\\|",
    "<i t='<img src='x'>",
    "<a b='<a b=\"",
    "<script>go()</script>",
    "<script>",
    "-----BEGIN PRIVATE KEY-----\nMIIE",
    "ghp_" + "x" * 36 + " ",
    "eyJhbGciOi.eyJzdWIiOi",
    "postgres://a:secret@b ",
    "https://e.example/northwind/new ",
    "\U0001f3f4\U000e0075\U000e0073\U000e0074\U000e0078\U000e007f",
    "1.",
    "3.4-",
]


def _lines(answer: str, policy: Policy) -> int:
    """Lines of the domain's code that run while an answer is handled."""
    lines = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal lines
        if "/domain/" not in frame.f_code.co_filename:
            return None
        lines += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        _handled(answer, policy)
    finally:
        sys.settrace(before)
    return lines


def _handled(answer: str, policy: Policy) -> None:
    verdict = screen_output(answer, QUESTION, policy.output)
    put_back(disarm(answer, verdict), ((NAME, "alice@kunde.test"),), [NAME])


def _filled(unit: str, size: int) -> str:
    return f"{NAME} " + unit * (size // len(unit))


@pytest.mark.parametrize("unit", HOSTILE)
def test_four_times_the_answer_is_about_four_times_the_work(policy: Policy, unit: str):
    assert _lines(_filled(unit, 8_000), policy) <= 5 * _lines(_filled(unit, 2_000), policy) + 2_000


@pytest.mark.parametrize("unit", HOSTILE)
@pytest.mark.timeout(60)
def test_a_long_answer_is_handled_before_the_test_times_out(policy: Policy, unit: str):
    """A pattern that backtracks over the whole text from every place would take minutes."""
    _handled(_filled(unit, 100_000), policy)
