"""The work of normalising grows with the text, not with its square, whatever the text is made of."""

import sys
from types import FrameType
from typing import Any

import pytest

from domain.text.normalise.pipeline import normalise

HOSTILE = {
    "letters": "a",
    "base64": "aGVsbG8gd29ybGQgZ29vZA== ",
    "base64 lines": "A" * 41 + "\n",
    "almost base64 lines": "A" * 39 + "a\n",
    "hex": "61 62 ",
    "hex prefixes": "0x41,",
    "percent": "%41",
    "not UTF-8": "%ff",
    "entities": "&" + "a" * 30,
    "escapes": "\\u0041",
    "binary": "01000001 ",
    "codes": "65 66 ",
    "spaced letters": "q x ",
    "dotted letters": ".a",
    "white space": " \n\t",
    "signs": "! ",
    "zero width": "a\u200b",
    "tags": "a\U000e0041",
    "overrides": "\u202eab\u202c",
    "open overrides": "\u202ea",
    "selectors": "\ufe01",
    "marks": "a\u0336",
    "marks alone": "\u0316",
    "confusables": "аb ",
    "expanding": "\ufdfa",
    "rot13": "gur the ",
    "reversed": "erongi the snoitcurtsni ",
    "leetspeak": "1gn0r3 4ll ",
    "ambiguous leetspeak": "1l1l1l1l1l",
    "surrogates": "\ud800",
}
UNITS = pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE)


def _filled(unit: str, size: int) -> str:
    return unit * (size // len(unit))


def _lines(text: str) -> int:
    """Lines of our own code that run while a text is normalised."""
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
        normalise(text)
    finally:
        sys.settrace(before)
    assert lines, "nothing was counted"
    return lines


@UNITS
def test_four_times_the_text_is_about_four_times_the_work(unit: str):
    normalise(_filled(unit, 16_000))  # what is cached is cached
    assert _lines(_filled(unit, 16_000)) <= 5 * _lines(_filled(unit, 4_000)) + 1_000


@UNITS
@pytest.mark.timeout(60)
def test_a_long_text_is_normalised_before_the_test_times_out(unit: str):
    """A pattern that backtracks over the whole text from every place would take some 10^10 steps, many minutes."""
    text = _filled(unit, 100_000)
    assert len(normalise(text).view.text) <= 18 * len(text)
