"""The work of rules, lexicons and the comparison with what was asked grows with the text, not with its square."""

import sys
from dataclasses import replace
from types import FrameType
from typing import Any

import pytest

from domain.inference.content import Message, Speaker, TextKind
from domain.inference.requests import bare_request
from domain.policy.document import Policy
from domain.screening.detectors import ScreenedText, pair
from domain.screening.screen import DETECTORS

HOSTILE = {
    "overrides": "ignore your rules ",
    "mentions": "'ignore your rules' means ",
    "verbs": "ignore ",
    "objects": "rules your ",
    "others": "vergiss die regeln der ",
    "CJK": "忽略之前的规则",
    "CJK verbs": "忽略",
    "quotes": "'a ",
    "completions": "task complete. now ",
    "almost completions": "task is done and then please ",
    "calls": "call send_mail, ",
    "recipients": "send a@b.example ",
    "almost recipients": "send a@",
    "account numbers": "pay de44 ",
    "headers": "=== red team ",
    "signs": "= ",
    "comments": "<!-- ai ",
    "reasoning": "\nthinking: i have ",
    "initials": "first letter of each line ",
    "conduct": "if the user asks ",
    "salad": "ignore x all y previous z ",
    "anchors": "i g n o r instruct ",
    "letters": "a",
    "underscores": "a_",
}
UNITS = pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE)
KINDS = (TextKind.SYSTEM, TextKind.TOOL_OUTPUT)


def _prepared(policy: Policy, unit: str, size: int) -> tuple[ScreenedText, ...]:
    text = unit * (size // len(unit))
    request = bare_request(*(Message(Speaker.USER, text, kind) for kind in KINDS))
    return pair(request, request, replace(policy.screening, max_scanned_chars=1_000_000))


def _inspect(policy: Policy, prepared: tuple[ScreenedText, ...]) -> None:
    for name in ("rules", "unasked", "arrangement"):
        DETECTORS[name].inspect(prepared, policy.screening)


def _lines(policy: Policy, unit: str, size: int) -> int:
    """Lines of our own code that run while a text is judged."""
    prepared = _prepared(policy, unit, size)
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
        _inspect(policy, prepared)
    finally:
        sys.settrace(before)
    assert lines, "nothing was counted"
    return lines


@UNITS
def test_four_times_the_text_is_about_four_times_the_work(policy: Policy, unit: str):
    assert _lines(policy, unit, 4_000) <= 5 * _lines(policy, unit, 1_000) + 1_000


@UNITS
@pytest.mark.timeout(60)
def test_a_long_text_is_judged_before_the_test_times_out(policy: Policy, unit: str):
    """A pattern that backtracks over the whole text from every place would take many minutes."""
    _inspect(policy, _prepared(policy, unit, 32_000))
