"""Tags in a text, read as by a browser (HTML, section 13.2.5), also inside attributes.

The standard library's parser gives no positions of attributes. A Markdown viewer may read a tag where a browser reads
an attribute, so tags are searched in attribute values as well. Linear in the text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TAG = re.compile(r"<([A-Za-z][^ \t\n\f\r/>]*)")
_ATTRIBUTE = re.compile(
    r"[ \t\n\f\r/]*+(?:(?P<close>>)|(?P<name>=?[^ \t\n\f\r/>=]*+)"
    r"(?:[ \t\n\f\r]*+=[ \t\n\f\r]*+(?:\"(?P<double>[^\"]*+)(?P<quote>\"?)|'(?P<single>[^']*+)(?P<apostrophe>'?)"
    r"|(?P<plain>[^ \t\n\f\r>]*+)))?)"
)
_MARKDOWN_TAG = re.compile(  # CommonMark 0.31, section 6.6
    r"<[A-Za-z][A-Za-z0-9-]*+(?:[ \t\r\n]++[A-Za-z_:][A-Za-z0-9_.:-]*+(?:[ \t\r\n]*+=[ \t\r\n]*+"
    r"(?:[^ \t\r\n\"'=<>`]++|'[^']{0,4000}'|\"[^\"]{0,4000}\"))?)*+[ \t\r\n]*+/?>"
)
_DEPTH = 4  # levels of tags inside attributes


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute with a value. ``start`` and ``end`` are the value's, without quotation marks."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Tag:
    """A start tag. If it is not ``closed``, it extends to the end of the text."""

    name: str
    start: int
    end: int
    closed: bool
    attributes: tuple[Attribute, ...]


def find_tags(text: str) -> Iterator[Tag]:
    """Yield the start tags of a text. Those in an attribute follow its tag.

    A Markdown viewer passes on only what is a whole tag for it: ``<i t='<img src='x'>`` is text and an image there, and
    one tag for a browser. Both are yielded.
    """
    seen: set[tuple[int, int]] = set()
    crossed = False
    for tag in _tags(text, 0, len(text), _DEPTH):
        seen.add((tag.start, tag.end))
        crossed |= text.find("<", tag.start + 1, tag.end) >= 0
        yield tag
    if crossed:
        for whole in _MARKDOWN_TAG.finditer(text):
            if whole.span() not in seen and (opening := _TAG.match(text, whole.start(), whole.end())):
                yield _read(text, opening, whole.end())


def _tags(text: str, at: int, end: int, depth: int) -> Iterator[Tag]:
    while opening := _TAG.search(text, at, end):
        tag = _read(text, opening, end)
        yield tag
        if depth:
            for attribute in tag.attributes:
                if "<" in text[attribute.start : attribute.end]:
                    yield from _tags(text, attribute.start, attribute.end, depth - 1)
        at = tag.end


def _read(text: str, opening: re.Match[str], end: int) -> Tag:
    name, at = opening[1].lower(), opening.end()
    attributes: list[Attribute] = []
    while at < end and (part := _ATTRIBUTE.match(text, at, end)):
        if part["close"]:
            return Tag(name, opening.start(), part.end(), True, tuple(attributes))
        spans = (part.span(group) for group in ("double", "single", "plain") if part[group] is not None)
        attributes += (Attribute(part["name"].lower(), *span) for span in spans)
        if part.end() == at:
            break
        at = part.end()
    return Tag(name, opening.start(), end, False, tuple(attributes))
