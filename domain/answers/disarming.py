"""Loaded content of unknown hosts, and links to them, shown as text instead.

The image or tag loses the character that begins it, and the address its scheme and dots: ``hxxps://host[.]example``. No
viewer fetches that, whatever it makes of the rest.
"""

import html
import re
from collections import defaultdict
from collections.abc import Iterator
from urllib.parse import quote

from domain.answers.addresses import find_addresses
from domain.answers.exfiltration import host_of, normalised
from domain.answers.markup import without_code
from domain.inference.content import Content
from domain.inference.texts import Text, TextForm, map_answer
from domain.screening.verdicts import Verdict

SHOWN_AS_TEXT = "remote_content_shown_as_text"
"""Rule of the findings at the loaded addresses to be shown as text."""

LINK_SHOWN_AS_TEXT = "link_shown_as_text"
"""Rule of the findings at the links to be shown as text."""

_RULES = frozenset({SHOWN_AS_TEXT, LINK_SHOWN_AS_TEXT})
_Span = tuple[int, int, bool]  # position; True for loaded content, False for a link
_MARKUP = {"!": "Image: ", "<": "&lt;"}
_SCHEME = re.compile(r"(?i)(https?|ftp|wss?|file|smb):/*|(?<![:/])//+")
_DEFANGED = {"http": "hxxp", "https": "hxxps", "ftp": "fxp", "ws": "wxs", "wss": "wxss", "file": "fxle", "smb": "sxb"}
_OPENING = re.compile(r"\](\()[ \t\r\n>]*<?\Z")
_MOST_BEFORE = 40  # code points between a link's text and its address
_UNSEEN = re.compile("[\x00-\x1f\x7f]+")
_KEPT = "/:?=&,+@#~%;"


def shown_as_text(verdict: Verdict | None) -> int:
    """Return the number of a verdict's findings of addresses to be shown as text."""
    return sum(finding.rule in _RULES for finding in verdict.findings) if verdict else 0


def disarm(content: Content, verdict: Verdict | None) -> Content:
    """Return an answer with the addresses shown as text that its verdict names."""
    if not shown_as_text(verdict) or verdict is None:
        return content
    spans: dict[tuple[int | None, str | None], list[_Span]] = defaultdict(list)
    for finding in verdict.findings:
        if finding.rule in _RULES:
            spans[finding.part, finding.field].append((finding.start, finding.end, finding.rule == SHOWN_AS_TEXT))

    def change(text: Text) -> str:
        found = spans.get((text.address.part, text.address.field))
        return _disarmed(text.text, found) if found and text.form is TextForm.PLAIN else text.text

    return map_answer(content, change)


def _disarmed(text: str, spans: list[_Span]) -> str:
    parts: list[str] = []
    at = 0
    for start, end, instead in sorted(_edits(text, spans), key=lambda edit: (edit[0], -edit[1])):
        if end <= at:
            continue  # within an address that is text already
        begin = max(start, at)
        parts += (text[at:begin], _defanged(text[begin:end]) if instead is None else instead)
        at = end
    return "".join([*parts, text[at:]])


def _edits(text: str, spans: list[_Span]) -> Iterator[tuple[int, int, str | None]]:
    """Yield positions with their new text; None for an address. Each position once."""
    exact = set(spans)
    rests = {
        loaded: (start, end) for start, end, loaded in spans
    }  # a kind's last one may represent all from its start on
    edits: dict[tuple[int, int], str | None] = {}
    for address in find_addresses(without_code(text)):
        span = (address.start, address.end)
        rest = rests.get(address.loaded, (0, 0))
        named = (*span, address.loaded) in exact or rest[0] <= address.start < rest[1]
        if named and host_of(normalised(address.url)) is not None:
            edits[span] = None
            if not address.loaded and (
                opening := _OPENING.search(text, max(0, address.start - _MOST_BEFORE), address.start)
            ):
                edits[opening.start(1), opening.end(1)] = " ("
            edits.update({(at, at + 1): _MARKUP[text[at]] for at in address.markup if text[at] in _MARKUP})
    yield from ((start, end, instead) for (start, end), instead in edits.items())


def _defanged(address: str) -> str:
    """Return an address in a form that no viewer fetches. It has no characters that begin markup."""
    plain = _UNSEEN.sub("", html.unescape(address)).strip().replace("\\", "/")
    split = _SCHEME.sub(lambda found: f"{_DEFANGED[(found[1] or 'https').lower()]}://", plain)
    return quote(split, safe=_KEPT, errors="replace").replace(".", "[.]")
