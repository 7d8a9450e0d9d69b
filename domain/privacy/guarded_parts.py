"""Text that a viewer or a program may take as an address or fetch: no placeholder there is restored.

Read generously: every tag (attributes, and the content of styles and scripts), Markdown's destinations, titles,
definitions and image descriptions, code that makes requests, and addresses in plain text. Entities and backslashes are
resolved first. Linear in the text.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from domain.privacy.placeholders import PLACEHOLDER
from domain.text.html_tags import find_tags

ADDRESS = re.compile(
    r"(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{0,31}://|https?:|(?:javascript|vbscript):|mailto:[^\s?]{1,256}\?|(?<![a-z])data:(?=[\w/+.;=-]{0,99},)"
    r"|(?<![a-z0-9])www\.|[/\\]{2}(?=[^\s\"'<>/\\]{0,255}?\w\.\w|[\w.@:%~-]{0,255}\d{4}|\[[0-9a-f]{0,4}:)"
    r"|(?<![\w.@-])(?:[\w-]{1,63}\.){1,8}[a-z]{2,24}(?::\d{1,5})?[/?#]",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^ \t\r\n\f\v]+")
_TERMINATOR = re.compile('["<>|^`{};,)\u00a0\u0e00-\uffff]')
"""Characters that end an address for people and some viewers only: a space after them ends it for all."""
_HOST_AFTER = re.compile(r"[\w%+~:-]{0,64}(?:@[\w-]{1,63}\.\w|\.[\w-]{1,63}(?:\.\w|[/?#:]))")
_RAW_TEXT = {"style": re.compile("</style", re.IGNORECASE), "script": re.compile("</script", re.IGNORECASE)}
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_BRACKET = re.compile(r"\\.|[\[\]]", re.DOTALL)
_OPENING = re.compile(r"\]\((?:[ \t\r\n>]*<(?:\\.|[^<>\r\n\\])*+)?")
_INSIDE = re.compile(
    r"\\.|[()]|(?<=[ \t\r\n])\"(?:\\.|[^\"\\])*\"|(?<=[ \t\r\n])'(?:\\.|[^'\\])*'|\n[ \t\r]*\n", re.DOTALL
)
_DEFINITION = re.compile(
    r"^[ \t>*+-]{0,40}(?:\d{1,9}[.)][ \t]{1,4})?(?P<label>\[(?:\\.|[^\[\]\\]){1,999}\]):[ \t]*(?:\r?\n)?[ \t>]*"
    r"(?P<rest>(?:<[^<>\r\n]*>|\S+)[^\r\n]*(?:\r?\n[ \t>]*[\"'(][^\r\n]*)?)",
    re.MULTILINE,
)
_FENCE = re.compile(r"^[ \t>]{0,20}(?:[*+-][ \t]{1,4}|\d{1,9}[.)][ \t]{1,4})?(?:`{3,}|~{3,})", re.MULTILINE)
_FETCHES = re.compile(
    r"\b(?:fetch|importScripts|import|urlopen|urlretrieve|sendBeacon|XMLHttpRequest|WebSocket|EventSource|axios(?:\.\w+)?"
    r"|window\.open|load_url|getaddrinfo|gethostbyname|file_get_contents)\("
    r"|(?:\b(?:requests|httpx|http|https|session|axios|aiohttp|got|superagent|ky)|\$)\.(?:get|post|put|patch|delete|head"
    r"|ajax|request|load|getJSON)\s?\(|\bnew\s+Image\b|\.(?:src|href)\s?=(?!=)|\b(?:window|document|self|top)\.location\b"
    r"|\b(?:curl|wget|nc|ncat|nslookup|dig|ping|scp|rsync)\s+(?:-{1,2}\w|[\"']?\w+://|[\"']?[\w-]+\.[a-z]{2,24}\b)"
    r"|\b(?:Invoke-WebRequest|Invoke-RestMethod|iwr|irm)\s+[-\"'\w]|@import\b|\burl\(",
    re.IGNORECASE,
)
_PERSON = re.compile(rf"<?(?:mailto|tel):(?:{PLACEHOLDER.pattern})>?", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class Guarded:
    """A part of a text without restoration, unless the prompt contained it.

    Attributes:
        start: position of its first code point.
        end: position after its last code point.
        code: code that makes requests; the prompt need only contain its addresses.
        spaced_after: position of an address that a space before the value ends, since a viewer may not see its end.
    """

    start: int
    end: int
    code: bool = False
    spaced_after: int | None = None


def guarded_parts(text: str) -> Iterator[Guarded]:
    """Yield the guarded parts of a text. They may overlap."""
    yield from _tags(text)
    if "]" in text:
        yield from _destinations(text)
        yield from _definitions(text)
        yield from _image_labels(text)
    yield from _code(text)
    yield from _words(text)


def _tags(text: str) -> Iterator[Guarded]:
    if "<" not in text:
        return
    free = 0
    for tag in find_tags(text):
        raw = _RAW_TEXT.get(tag.name)
        if raw and tag.closed and tag.end > free:
            end = raw.search(text, tag.end)
            free = end.start() if end else len(text)
            yield Guarded(tag.end, free)
        if tag.closed and PLACEHOLDER.fullmatch(text, tag.start + 1, tag.end - 1):
            continue
        if tag.closed:
            yield Guarded(tag.start, tag.end)
        elif tag.attributes:
            yield Guarded(tag.attributes[0].start, tag.end)


def _destinations(text: str) -> Iterator[Guarded]:
    at = 0
    while opening := _OPENING.search(text, at):
        start, at, depth = opening.start(), opening.end(), 1
        while depth and (mark := _INSIDE.search(text, at)):
            at = mark.end()
            depth = 0 if mark[0].startswith("\n") else depth + (mark[0] == "(") - (mark[0] == ")")
        end = at - 1 if depth == 0 else len(text)
        at = end if depth == 0 else len(text)
        if not _PERSON.fullmatch(text, start + 2, end):
            yield Guarded(start, end)


def _definitions(text: str) -> Iterator[Guarded]:
    for match in _DEFINITION.finditer(text):
        if not PLACEHOLDER.fullmatch(match["label"]):
            yield Guarded(*match.span("rest"))


def _image_labels(text: str) -> Iterator[Guarded]:
    opened: list[int] = []
    for match in _BRACKET.finditer(text):
        if match[0] == "[":
            opened.append(match.start())
        elif match[0] == "]" and opened:
            start = opened.pop()
            alone = text[match.end() : match.end() + 1] not in ("(", "[") and PLACEHOLDER.fullmatch(
                text, start, match.end()
            )
            if text[start - 1 : start] == "!" and not alone:
                yield Guarded(start - 1, match.end())


def _code(text: str) -> Iterator[Guarded]:
    """Yield code that makes requests: its block between fences, or its line."""
    if not _FETCHES.search(text):
        return
    edges = [0, *(match.start() for match in _FENCE.finditer(text)), len(text)]
    for index, (start, end) in enumerate(pairwise(edges)):
        if index % 2:
            if _FETCHES.search(text, start, end):
                yield Guarded(start, end, code=True)
            continue
        at = start
        while match := _FETCHES.search(text, at, end):
            line = text.rfind("\n", at, match.start()) + 1 or at
            stop = text.find("\n", match.end(), end)
            at = end if stop < 0 else stop
            yield Guarded(line, at, code=True)


def _words(text: str) -> Iterator[Guarded]:
    for word in _WORD.finditer(text):
        start, end = word.span()
        address = ADDRESS.search(text, start, end)
        if address is None:
            if ("&" in word[0] or "\\" in word[0]) and ADDRESS.search(_resolved(word[0])):
                yield Guarded(start, end)
            continue
        while address is not None:
            at = address.start()
            stop = _TERMINATOR.search(text, address.end(), end)
            yield Guarded(at, stop.start() if stop else end)
            if stop is None:
                break
            address = ADDRESS.search(text, stop.end(), end)
            yield Guarded(stop.end(), end if address is None else address.start(), spaced_after=at)
    for match in PLACEHOLDER.finditer(text):
        if host := _HOST_AFTER.match(text, match.end()):
            yield Guarded(match.start(), host.end())


def _resolved(word: str) -> str:
    return _ESCAPED.sub(r"\1", html.unescape(word))
