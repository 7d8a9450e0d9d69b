"""Addresses in HTML: of attributes, whatever their names, of styles, and of documents inside attributes."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from domain.text.html_tags import Tag, find_tags

_LONGEST = 4_000  # code points of an attribute that are read
_FOLLOWED = frozenset({"a", "area", "form", "button", "input"})
_BY_CLICK = frozenset({"href", "xlink:href", "action", "formaction", "ping", "data", "content"})
_ADDRESSES = frozenset({"src", "href", "xlink:href", "poster", "data", "background", "action", "formaction", "lowsrc"})
_INERT = re.compile(
    r"xmlns(?:\Z|:)|xsi:|aria-|(?:alt|title|label|placeholder|summary|itemtype|itemid|itemprop|property|typeof|vocab"
    r"|cite|longdesc|rel|id|class|name|lang)\Z"
)
_AROUND = re.compile(r"(?:\\+[\"']|[\"'`{(\x00-\x20])+")
_REMOTE = re.compile(r"[a-z][\sa-z0-9+.-]{0,60}:|[\\/]\s*[\\/]", re.IGNORECASE)
_REFRESH = re.compile(
    r"(?:[\d.\s]{1,40}[;,\s]\s{0,9}(?:url\s{0,9}=\s{0,9})?|url\s{0,9}=\s{0,9})[\"']?([^\"']{1,4000})", re.IGNORECASE
)
_IN_STYLE = re.compile(
    r"(?:(?:url|src|image-set)\s{0,20}\(|@import)\s{0,20}"
    r"(?:\"(?P<double>[^\"]{1,4000})|'(?P<single>[^']{1,4000})|(?P<bare>[^\"'()]{1,4000}))"
    r"|[\"']\s{0,20}(?P<quoted>(?:[a-z]{2,9}:|//)[^\"']{1,4000})",
    re.IGNORECASE,
)
_STYLE_END = re.compile("</style", re.IGNORECASE)
_COMMENT = re.compile(r"/\*.{0,4000}?\*/", re.DOTALL)
_CSS_ESCAPE = re.compile(r"\\(?:([0-9a-f]{1,6})\s?|(.))", re.IGNORECASE)
_LAST = 0x10FFFF


@dataclass(frozen=True, slots=True)
class Address:
    """An address at a place of the text.

    Attributes:
        start: position of its first code point.
        end: position after its last code point.
        url: the address as a viewer reads it, without entities and escapes.
        loaded: True if a viewer may fetch it by itself.
        markup: positions of the characters that begin the image or tag, ``!`` or ``<``.
    """

    start: int
    end: int
    url: str
    loaded: bool
    markup: tuple[int, ...] = ()


def html_addresses(text: str, *, nested: bool = True) -> Iterator[Address]:
    """Yield the addresses of all tags in a text. ``nested`` includes documents in attributes."""
    if "<" not in text:
        return
    free = 0
    for tag in find_tags(text):
        torn = "<" in tag.name or any("<" in attribute.name for attribute in tag.attributes)
        for attribute in tag.attributes:
            value = html.unescape(text[attribute.start : attribute.end][:_LONGEST])
            loaded = torn or tag.name not in _FOLLOWED or attribute.name not in _BY_CLICK
            place = Address(attribute.start, attribute.end, "", loaded, (tag.start,))
            for url in _urls(attribute.name, value):
                yield replace(place, url=url)
            if attribute.name == "srcdoc" and nested:
                for inner in html_addresses(value, nested=False):
                    yield replace(place, url=inner.url, loaded=inner.loaded)
        if tag.name == "style" and tag.closed and tag.end >= free:
            stop = _STYLE_END.search(text, tag.end)
            free = stop.start() if stop else len(text)
            yield from _of_style(text, tag, free)


def _of_style(text: str, tag: Tag, end: int) -> Iterator[Address]:
    css = text[tag.end : end]
    read = _read_css(css)
    for match in _IN_STYLE.finditer(read):
        start, stop = match.span(match.lastgroup or 0)
        span = (tag.end + start, tag.end + stop) if read == css else (tag.end, end)
        yield Address(*span, match[match.lastgroup or 0], loaded=True, markup=(tag.start,))


def _urls(attribute: str, value: str) -> Iterator[str]:
    """Yield the addresses in an attribute's value. Values of unknown attributes count if they resemble an address."""
    if _INERT.match(attribute):
        return
    if attribute in ("srcset", "imagesrcset"):
        yield from (part.split()[0] for part in value.split(",") if part.strip())
    elif attribute == "content":
        yield from (match[1] for match in _REFRESH.finditer(value))
    elif attribute in ("ping", "archive"):
        yield from value.split()
    elif attribute == "values":
        yield from value.split(";")
    elif attribute != "style":
        around = _AROUND.match(value)
        bare = value[around.end() :] if around else value
        if attribute in _ADDRESSES or _REMOTE.match(bare):
            yield bare
    if "(" in value or "@" in value or "\\" in value:
        yield from (match[match.lastgroup or 0] for match in _IN_STYLE.finditer(_read_css(value)))


def _read_css(css: str) -> str:
    """Resolve what a style's reader resolves: entities, comments, escapes."""
    return _CSS_ESCAPE.sub(_unescaped, _COMMENT.sub(" ", html.unescape(css)))


def _unescaped(escape: re.Match[str]) -> str:
    if escape[1] is None:
        return escape[2]
    code = int(escape[1], 16)
    return chr(code) if 0 < code <= _LAST else "\ufffd"
