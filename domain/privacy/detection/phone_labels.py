"""Telephone numbers beside a word for them: in any country's national format."""

import re
from collections.abc import Iterator

_LATIN = (
    r"tele?ph?one?|telefon[oe]?|telefoon|t\u00e9l\u00e9phone|tel\u00e9fono|t\u00e9l|tel|tlf|phone|call ?back|rufnummer"
    r"|whats ?app|puhelin|puh|\u03c4\u03b7\u03bb|s\u0111t|\u0111i\u1ec7n tho\u1ea1i"
)
_MOBILE = r"mobile?|m\u00f3vil|celular|cellulare|cell|cel|handy(?:nummer)?|fax|gsm|portable|\u043c\u043e\u0431"
_OTHERS = (
    "\u0442\u0435\u043b(?:\u0435\u0444\u043e\u043d)?|\u03c4\u03b7\u03bb\u03ad\u03c6\u03c9\u03bd\u03bf|\u96fb\u8a71|\u7535\u8bdd"
    "|\u624b\u673a|\u624b\u6a5f|\u643a\u5e2f|\uc804\ud654|\ud734\ub300\ud3f0|\uc5f0\ub77d\ucc98"
    "|\u0e42\u0e17\u0e23(?:\u0e28\u0e31\u0e1e\u0e17\u0e4c)?|\u0e40\u0e1a\u0e2d\u0e23\u0e4c|\u092b\u093c?\u094b\u0928"
    "|\u092e\u094b\u092c\u093e\u0907\u0932|\u0647\u0627\u062a\u0641|\u062c\u0648\u0627\u0644|\u05d8\u05dc\u05e4\u05d5\u05df"
    "|\u05e0\u05d9\u05d9\u05d3"
)
"""Russian, Greek, Japanese, Chinese, Korean, Thai, Hindi, Arabic, Hebrew."""
_NUMBER_SIGN = (
    r"numbers?|no|nummern|numm?er|num|nr|n\u00famero|num\u00e9ro|numero|\u2116|\u756a\u53f7|\u53f7\u7801|\u865f\u78bc|\u53f7"
    r"|\ubc88\ud638"
)
_LABELLED = re.compile(
    rf"(?:(?P<strong>(?i:(?<![a-z])(?:{_LATIN})(?:nr|nummer)?(?![a-z]))|(?<!i)Phone|{_OTHERS})"
    rf"|(?i:(?<![a-z])(?:{_MOBILE})(?![a-z])))(?i:[ _-]?(?:{_NUMBER_SIGN})(?![a-z])\.?)?"
    r"(?P<mark>\.?[\"']?[ \t]{0,4}[:=#>|]?[ \t]{0,4}[\"'\[]{0,2})"
    r"(?P<number>\(?\+?\(?\d(?:[ ().\-/]{0,2}\d){6,14})(?![0-9A-Za-z_]|[.,:/-]\d)"
)
_DATE_OR_DECIMAL = re.compile(
    r"(?:19|20)\d\d[-./ ](?:0?[1-9]|1[0-2])[-./ ]|\d{1,2}[./-]\d{1,2}[./-](?:19|20)\d\d"
    r"|\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\Z|\d+\.\d+\Z"
)
_SEVEN_DIGITS = re.compile(r"\d(?:[ ().\-/]{0,2}\d){6}")
_MARKS = (":", "=", "#", ">", "|", '"', ".")
_LEAST_UNGROUPED = 9


def labelled_phones(text: str) -> Iterator[tuple[int, int]]:
    """Yield positions of numbers after a word for telephones, in order.

    They have 7 to 15 digits. In one piece, they need a sign after the word, such as a colon, or nine digits, unlike
    ``mobile 1000000 users``.
    """
    if _SEVEN_DIGITS.search(text) is None:
        return
    for found in _LABELLED.finditer(text):
        number = found["number"]
        if _DATE_OR_DECIMAL.match(number):
            continue
        marked = any(mark in found["mark"] for mark in _MARKS)
        if number.isdigit() and not marked and (not found["strong"] or len(number) < _LEAST_UNGROUPED):
            continue
        yield found.span("number")
