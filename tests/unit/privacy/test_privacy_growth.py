"""The search for values grows with the text, not with its square: counted in lines of code that run."""

import sys
from types import FrameType
from typing import Any

import pytest

from domain.privacy.policy import PrivacyPolicy
from tests.unit.privacy.sets.measuring import search, shipped

UNITS = [
    "1 ",
    "12 ",
    "4111 ",
    "4012 8888 8888 1881 ",
    "4012888888881881,",
    "4012888888881881\n",
    "card 4012888888881881 order ",
    "1.2.3.4 ",
    "1-2-3-4 ",
    "(650) 253-",
    "030 ",
    "0049 ",
    "+49 ",
    "+1 650 253 0000 + ",
    "tel ",
    "tel 030 901820 ",
    "phone: 1",
    "DE89 ",
    "BE68 5390 0754 7034 ",
    "ab12 ",
    "@",
    "a@",
    "a@b.",
    "a@b.c@d.com ",
    "a@b.com.",
    "ssh a@b.com ",
    "ssh -p 22 ",
    "://a@b.com ",
    "select from a@b.com ",
    "\u90ae\u7bb1a@b.cn",
    "a%40b.com ",
    "-----BEGIN PRIVATE KEY-----\n",
    "sk-a-b-c-",
    "sk-" + "a" * 40 + " ",
    "db://a:password",
    "db://a:mypasswordmypassword@b ",
    "AKIAQWERTYUIOPASDFGH\n",
    "assay_a_b_",
]


@pytest.fixture(scope="module")
def policy() -> PrivacyPolicy:
    """The shipped policy."""
    return shipped()


def _lines(text: str, policy: PrivacyPolicy) -> int:
    """Lines of the product's code that run while a text is searched."""
    lines = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal lines
        if "/privacy/" not in frame.f_code.co_filename and "/phone_" not in frame.f_code.co_filename:
            return None
        lines += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        search(policy, text)
    finally:
        sys.settrace(before)
    return lines


@pytest.mark.parametrize("unit", UNITS)
def test_four_times_the_text_is_about_four_times_the_work(policy: PrivacyPolicy, unit: str):
    assert _lines(unit * (4_000 // len(unit)), policy) <= 5 * _lines(unit * (1_000 // len(unit)), policy) + 2_000


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.timeout(60)
def test_a_long_text_is_searched_before_the_test_times_out(policy: PrivacyPolicy, unit: str):
    """A pattern that backtracks over the whole text from every place would take minutes."""
    search(policy, unit * (31_000 // len(unit)))
