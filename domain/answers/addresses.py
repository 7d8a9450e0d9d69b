"""Addresses in an answer: those a viewer fetches automatically, and those that need a click.

Markdown (CommonMark 0.31) and HTML, parsed permissively: anything that some viewer might treat as an address counts.
Linear in the text.
"""

import html
import re
from collections.abc import Iterator

from domain.answers.html_addresses import Address, html_addresses
from domain.text.view import View

_LABEL = 1_001  # code points of a reference's label, with its brackets

_DESTINATION = re.compile(r"\]\([ \t\r\n>]*(?:<(?P<angle>[^<>\r\n]{1,4000})>?|(?P<bare>[^\s<>]{1,4000}))")
_SHORT_DESTINATION = re.compile(
    r"\]\([ \t\r\n>]*(?:<(?P<angle>(?:(?!\]\()[^<>\r\n]){1,4000})>?|(?P<bare>(?:(?!\]\()[^\s<>]){1,4000}))"
)
_DEFINITION = re.compile(
    r"^[ \t>*+-]{0,40}(?:\d{1,9}[.)][ \t]{1,4})?\[(?P<label>(?:\\.|[^\[\]\\]){1,999})\]:[ \t]*[\r\n]{0,2}[ \t>]*"
    r"(?:<(?P<angle>[^<>\r\n]{1,4000})>|(?P<bare>[^\s<>]{1,4000}))",
    re.MULTILINE,
)
_BRACKET = re.compile(r"\\.|[\[\]]", re.DOTALL)
_WRITTEN = re.compile(
    r"(?<![A-Za-z0-9_@])(?:(?:https?|ftp|wss?)://|www\.|(?<=<)(?:https?|ftp|wss?|file|smb):)[^\s<>\"'`\]}]{1,4000}",
    re.IGNORECASE,
)
_SPELLED = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});|\\[!-/:-@\[-`{-~]")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")


def find_addresses(text: str) -> Iterator[Address]:
    """Yield every address in a text with its code blanked out."""
    covered: list[tuple[int, int]] = []
    for address in (*_of_markdown(text), *html_addresses(text)):
        covered.append((address.start, address.end))
        yield address
    covered.sort()
    at = 0
    for address in _written(text):
        while at < len(covered) and covered[at][1] <= address.start:
            at += 1
        if at == len(covered) or address.start < covered[at][0]:
            yield address


def _written(text: str) -> Iterator[Address]:
    """Yield addresses without markup, also those that are written with entities or escapes, in order."""
    view = View(text)
    if "&" in text or "\\" in text:
        view = view.rewritten([(*found.span(), _plain(found[0])) for found in _SPELLED.finditer(text)])
    for match in _WRITTEN.finditer(view.text):
        url = _balanced(match.group()).rstrip(".,;:!?*_~")
        if url:
            yield Address(*view.span(match.start(), match.start() + len(url)), html.unescape(url), loaded=False)


def _plain(spelled: str) -> str:
    return spelled[1] if spelled[0] == "\\" else html.unescape(spelled)


def _of_markdown(text: str) -> Iterator[Address]:
    if "]" not in text:
        return
    images, labels = _brackets(text)
    for pattern in (_DESTINATION, _SHORT_DESTINATION):  # "](" may be part of a destination, or begin another
        seen = 0
        for match in pattern.finditer(text):
            markup = (images[match.start()],) if match.start() in images else ()
            if not markup and (before := text.rfind("![", seen, match.start())) >= 0:
                markup = (before,)
            seen = match.end()
            yield _destination(match, markup)
    for match in _DEFINITION.finditer(text):
        yield _destination(match, tuple(labels.get(_label(match["label"]), ())))


def _brackets(text: str) -> tuple[dict[int, int], dict[str, list[int]]]:
    """Return positions of ``!`` by an image's closing bracket, and by a reference image's label."""
    open_at: list[int] = []
    images: dict[int, int] = {}
    labels: dict[str, list[int]] = {}
    for match in _BRACKET.finditer(text):
        if match.group() == "[":
            open_at.append(match.start())
        elif match.group() == "]" and open_at:
            start = open_at.pop()
            image = images.get(start - 1) if text[start - 1 : start] == "]" else None  # "![text][label]"
            if text[start - 1 : start] == "!":
                image = images[match.start()] = start - 1
            if image is not None and match.end() - start <= _LABEL:
                labels.setdefault(_label(text[start + 1 : match.start()]), []).append(image)
    return images, labels


def _destination(match: re.Match[str], markup: tuple[int, ...]) -> Address:
    group = "bare" if match["angle"] is None else "angle"
    written = match[group] if group == "angle" else _balanced(match[group])
    start = match.start(group)
    url = html.unescape(_ESCAPED.sub(r"\1", written))
    return Address(start, start + len(written), url, loaded=bool(markup), markup=markup)


def _balanced(url: str) -> str:
    """Cut an address before a bracket that it does not open itself."""
    depth = 0
    for index, char in enumerate(url):
        depth += (char == "(") - (char == ")")
        if depth < 0:
            return url[:index]
    return url


def _label(label: str) -> str:
    return " ".join(label.casefold().split())
