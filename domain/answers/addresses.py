"""Addresses in an answer: those a viewer fetches automatically, and those that need a click.

Markdown (CommonMark 0.31) and HTML, parsed permissively: anything that some viewer might treat as an address counts.
Linear in the text.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass

_LONGEST = 4_000  # code points of an address that are read

_DESTINATION = re.compile(r"\]\([ \t\r\n]*(?:<(?P<angle>[^<>\r\n]{1,4000})>?|(?P<bare>[^\s<>]{1,4000}))")
_SHORT_DESTINATION = re.compile(
    r"\]\([ \t\r\n]*(?:<(?P<angle>(?:(?!\]\()[^<>\r\n]){1,4000})>?|(?P<bare>(?:(?!\]\()[^\s<>]){1,4000}))"
)
_DEFINITION = re.compile(
    r"^[ \t>*+-]{0,40}(?:\d{1,9}[.)][ \t]{1,4})?\[(?P<label>[^\[\]]{1,500})\]:[ \t]*[\r\n]{0,2}[ \t>]*"
    r"(?:<(?P<angle>[^<>\r\n]{1,4000})>|(?P<bare>[^\s<>]{1,4000}))",
    re.MULTILINE,
)
_IMAGE_LABEL = re.compile(r"!\[(?P<text>[^\[\]]{0,500})\](?:\[(?P<label>[^\[\]]{0,500})\])?")
_BRACKET = re.compile(r"\\.|[\[\]]", re.DOTALL)
_ATTRIBUTE = re.compile(
    r"(?<=[\s/\"'])(?P<name>src|srcset|imagesrcset|href|xlink:href|poster|data|background|action|formaction|ping|content|style)"
    r"\s{0,20}=\s{0,20}(?:\"(?P<double>[^\"]*)\"?|'(?P<single>[^']*)'?|(?P<plain>[^\s\"'<>]+))",
    re.IGNORECASE,
)
_TAG = re.compile(r"<([a-z][a-z0-9:-]{0,30})", re.IGNORECASE)
_IN_STYLE = re.compile(r"(?:url\s?\(|@import|image-set\s?\()\s{0,20}[\"']?([^\s\"'()]{1,4000})", re.IGNORECASE)
_REFRESH = re.compile(r"url\s{0,9}=\s{0,9}[\"']?([^\"']{1,4000})", re.IGNORECASE)
_WRITTEN = re.compile(r"(?<![\w@])(?:(?:https?|ftp|wss?)://|www\.)[^\s<>\"'`\]}]{1,4000}", re.IGNORECASE)
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_FOLLOWED = frozenset({"a", "area", "form", "button", "input"})
_TAG_REACH = 2_000


@dataclass(frozen=True, slots=True)
class Address:
    """An address at a place of the text. ``loaded`` if a viewer may fetch it by itself."""

    start: int
    end: int
    url: str
    loaded: bool


def find_addresses(text: str) -> Iterator[Address]:
    """Yield every address in a text with its code blanked out. Those of images have ``loaded`` set."""
    covered: list[tuple[int, int]] = []
    for address in (*_of_markdown(text), *_of_html(text)):
        covered.append((address.start, address.end))
        yield address
    covered.sort()
    at = 0
    for match in _WRITTEN.finditer(text):
        while at < len(covered) and covered[at][1] <= match.start():
            at += 1
        if at == len(covered) or match.start() < covered[at][0]:
            url = _balanced(match.group()).rstrip(".,;:!?*_~")
            yield Address(match.start(), match.start() + len(url), html.unescape(url), loaded=False)


def _of_markdown(text: str) -> Iterator[Address]:
    if "]" not in text:
        return
    images = _image_ends(text)
    for pattern in (_DESTINATION, _SHORT_DESTINATION):  # "](" may be part of a destination, or begin another
        seen = 0
        for match in pattern.finditer(text):
            loaded = match.start() in images or text.rfind("![", seen, match.start()) >= 0
            seen = match.end()
            yield _destination(match, loaded=loaded)
    definitions = list(_DEFINITION.finditer(text))
    if definitions:
        shown = {_label(use["label"] or use["text"]) for use in _IMAGE_LABEL.finditer(text)}
        for match in definitions:
            yield _destination(match, loaded=_label(match["label"]) in shown)


def _image_ends(text: str) -> frozenset[int]:
    """Return the positions of the closing brackets of images."""
    open_at: list[int] = []
    ends: set[int] = set()
    for match in _BRACKET.finditer(text):
        if match.group() == "[":
            open_at.append(match.start())
        elif match.group() == "]" and open_at:
            start = open_at.pop()
            if text[start - 1 : start] == "!":
                ends.add(match.start())
    return frozenset(ends)


def _destination(match: re.Match[str], *, loaded: bool) -> Address:
    group = "bare" if match["angle"] is None else "angle"
    written = match[group] if group == "angle" else _balanced(match[group])
    start = match.start(group)
    return Address(start, start + len(written), html.unescape(_ESCAPED.sub(r"\1", written)), loaded)


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


def _of_html(text: str) -> Iterator[Address]:
    if "<" not in text:
        return
    for match in _ATTRIBUTE.finditer(text):
        opening = text.rfind("<", max(0, match.start() - _TAG_REACH), match.start())
        tag = _TAG.match(text, opening) if opening >= 0 else None
        if tag is None:
            continue
        group = next(name for name in ("double", "single", "plain") if match[name] is not None)
        loaded = tag[1].lower() not in _FOLLOWED or match["name"].lower() == "style"
        for url in _urls(match["name"].lower(), html.unescape(match[group][:_LONGEST])):
            yield Address(match.start(group), match.end(group), url, loaded)
    if "<style" in text.lower():
        for match in _IN_STYLE.finditer(text):
            yield Address(*match.span(1), html.unescape(match[1]), loaded=True)


def _urls(attribute: str, value: str) -> list[str]:
    if attribute == "style":
        return _IN_STYLE.findall(value)
    if attribute == "content":
        return _REFRESH.findall(value)
    if attribute in ("srcset", "imagesrcset"):
        return [part.split()[0] for part in value.split(",") if part.strip()]
    if attribute == "ping":
        return value.split()
    return [value]
