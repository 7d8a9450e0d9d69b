"""Markdown code in an answer (CommonMark 0.31), where markup is displayed and has no effect.

Conservative: text that is only possibly code counts as markup. Linear in the text.
"""

import re
from bisect import bisect_left
from collections.abc import Callable
from enum import Enum, auto

_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+")
_ITEM = re.compile(r"(?:[-*+]|\d{1,9}[.)])(?:[ ]{1,4}(?=\S)|[ ]*$)")
_QUOTE = re.compile(r"[ ]{0,3}>[ ]?")
_FENCE = re.compile(r"`{3,}(?=[^`]*$)|~{3,}")
_HTML_BLOCK = re.compile(
    r"</?(?:address|article|aside|base|basefont|blockquote|body|caption|center|col|colgroup|dd|details|dialog|dir|div|dl|dt"
    r"|fieldset|figcaption|figure|footer|form|frame|frameset|h[1-6]|head|header|hr|html|iframe|legend|li|link|main|menu"
    r"|menuitem|nav|noframes|ol|optgroup|option|p|param|search|section|summary|table|tbody|td|tfoot|th|thead|title|tr|track"
    r"|ul)(?:[ \t>]|/>|$)",
    re.IGNORECASE,
)
_HTML_LINE = re.compile(
    r"(?:</[a-z][a-z0-9-]*[ \t]*>|<[a-z][a-z0-9-]*(?:[ \t]+[a-z_:][\w.:-]*(?:[ \t]*=[ \t]*"
    r"(?:[^\s\"'=<>`]+|'[^']*'|\"[^\"]*\"))?)*[ \t]*/?>)[ \t]*$",
    re.IGNORECASE,
)
_HTML_RAW = (
    (re.compile(r"<(?:script|pre|style|textarea)(?:[ \t>]|$)", re.IGNORECASE), "</script> </pre> </style> </textarea>"),
    (re.compile("<!--"), "-->"),
    (re.compile(r"<\?"), "?>"),
    (re.compile("<![a-z]", re.IGNORECASE), ">"),
    (re.compile(r"<!\[CDATA\["), "]]>"),
)
_NO_PARAGRAPH = re.compile(r"#{1,6}(?:[ \t]|$)|(?:[*_-][ \t]*){3,}$")
_DELIMITER_ROW = re.compile(
    r"[ \t>]*+(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*+\|?[ \t]*+:?-++:?[ \t]*+(?:\|[ \t:-]*+)*+[\r\n]*+\Z"
)
_CELLS = (  # viewers differ on a bar after two backslashes
    re.compile(r"(?:[^|\r\n\\]|\\[^\r\n]|\\)*+(?:\||[\r\n]++|\Z)"),
    re.compile(r"(?:[^|\r\n]|(?<=\\)\|)*+(?:\||[\r\n]++|\Z)"),
)
_TICKS = re.compile(r"(?P<ticks>`+)")
_INLINE = re.compile(
    r"(?P<ticks>`+)|<!--.{0,2000}?-->|<\?.{0,2000}?\?>|<![a-z][^>]{0,2000}>|<!\[CDATA\[.{0,2000}?\]\]>"
    r"|<[a-z][a-z0-9+.-]{1,31}:[^\s<>]{0,2000}>|</[a-z][a-z0-9-]*\s*>|<[a-z][a-z0-9-]*(?:\s+[a-z_:][\w.:-]*(?:\s*=\s*"
    r"(?:[^\s\"'=<>`]+|'[^']{0,2000}'|\"[^\"]{0,2000}\"))?)*\s*/?>",
    re.IGNORECASE | re.DOTALL,
)
_INDENT = 3  # maximum indentation of a fence, in columns
_TAB = 4


def without_code(text: str) -> str:
    """Blank out Markdown code, keeping length and lines of the text."""
    if "`" not in text and "~~~" not in text:
        return text
    lines: list[str] = _LINE.findall(text)
    readings = [_without_blocks(lines, tables=False)]
    if any(map(_DELIMITER_ROW.match, lines)):
        readings.append(_without_blocks(lines, tables=True))
    return _code_in_all(text, readings)


def _code_in_all(text: str, readings: list[str]) -> str:
    """Return a text without what all readings of it have blanked out."""
    if len(readings) == 1:
        return readings[0]
    return "".join(chars[1] if len(set(chars[1:])) == 1 else chars[0] for chars in zip(text, *readings, strict=True))


def _without_blocks(lines: list[str], *, tables: bool) -> str:
    """Blank out code. ``tables``: a line before a table's delimiter row is its header, as for some viewers."""
    blocks = _Blocks()
    parts: list[str] = []
    prose: list[str] = []
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        kind = blocks.kind_of(line, header=tables and "|" in line and bool(_DELIMITER_ROW.match(following)))
        if kind is not _LineKind.PROSE or blocks.fresh:
            parts.append(_without_spans(prose))
            prose = []
        if kind is _LineKind.PROSE:
            prose.append(line)
        else:
            parts.append(_blank(line) if kind is _LineKind.CODE else line)
    return "".join([*parts, _without_spans(prose)])


class _LineKind(Enum):
    PROSE = auto()
    CODE = auto()
    HTML = auto()  # Markdown's characters have no meaning there


class _Blocks:
    """Parser of fenced code blocks and HTML blocks, line by line, in lists and quotations."""

    def __init__(self) -> None:
        self._fence = ""
        self._html: tuple[str, ...] = ()  # text that ends the block of HTML; an empty string means an empty line
        self._quotes = self._offset = 0  # of the open block
        self._items: list[int] = []  # columns at which the content of the open list items begins
        self._paragraph = False
        self.fresh = False  # True if the line does not continue the paragraph before it

    def kind_of(self, line: str, *, header: bool = False) -> _LineKind:
        """Classify the next line. A fence counts as code, unless it is the header of a table."""
        line = line.expandtabs(_TAB).rstrip("\r\n")
        depth, rest = self._unquoted(line)
        bare = rest.strip()
        width = len(rest) - len(rest.lstrip(" "))
        if self._fence or self._html:
            if depth >= self._quotes and (not bare or width >= self._offset):
                return self._goes_on(bare, width)
            self._fence, self._html = "", ()  # its list or quotation has ended
        self.fresh = not self._paragraph or depth != self._quotes
        return self._begins(rest, width, depth, header=header)

    def _unquoted(self, line: str) -> tuple[int, str]:
        """Return the quotation depth of a line and its quoted text. Inside a block, more marks than its own don't
        count.
        """
        depth = end = 0
        while (mark := _QUOTE.match(line, end)) and not ((self._fence or self._html) and depth >= self._quotes):
            depth, end = depth + 1, mark.end()
        return depth, line[end:]

    def _goes_on(self, bare: str, width: int) -> _LineKind:
        if self._html:
            if any(end in bare.lower() if end else not bare for end in self._html):
                self._html = ()
            return _LineKind.HTML
        if width - self._offset <= _INDENT and len(bare) >= len(self._fence) and not bare.strip(self._fence[0]):
            self._fence = ""
        return _LineKind.CODE

    def _begins(self, rest: str, width: int, depth: int, *, header: bool) -> _LineKind:
        if not rest.strip():
            self._paragraph = False
            return _LineKind.PROSE
        while self._items and width < self._items[-1]:
            self._items.pop()
        while item := _ITEM.match(rest, width):
            if width - (self._items[-1] if self._items else 0) > _INDENT:
                break
            width = item.end()
            self._items.append(width)
            self._paragraph, self.fresh = False, True
        inner = self._items[-1] if self._items else 0
        if width - inner > _INDENT:  # indented code, or a continued paragraph: markup, to be safe
            return _LineKind.PROSE
        self._quotes, self._offset = depth, inner
        if header:
            self._paragraph = True
            return _LineKind.PROSE
        if opening := _FENCE.match(rest, width):
            self._fence, self._paragraph = opening[0], False
            return _LineKind.CODE
        bare = rest[width:]
        if ends := self._html_ends(bare):
            self._paragraph = False
            if "" in ends or not any(end in bare.lower() for end in ends):
                self._html = ends
            return _LineKind.HTML
        self._paragraph = not _NO_PARAGRAPH.match(bare)
        self.fresh |= not self._paragraph
        return _LineKind.PROSE

    def _html_ends(self, bare: str) -> tuple[str, ...]:
        for begins, ends in _HTML_RAW:
            if begins.match(bare):
                return tuple(ends.split())
        line = _HTML_BLOCK.match(bare) or (not self._paragraph and _HTML_LINE.match(bare))
        return ("",) if line else ()


def _without_spans(lines: list[str]) -> str:
    """Blank out code spans.

    The end of a paragraph and a viewer's support for HTML are uncertain: only text that is code in all cases is
    blanked.
    """
    text = "".join(lines)
    if "`" not in text:
        return text
    divisions = [[text], lines]
    if any(map(_DELIMITER_ROW.match, lines)):  # a code span is in one cell of a table
        divisions += (cell.findall(text) for cell in _CELLS)
    return _code_in_all(
        text,
        ["".join(_blank_spans(part, marks) for part in parts) for parts in divisions for marks in (_TICKS, _INLINE)],
    )


def _blank_spans(text: str, marks: re.Pattern[str]) -> str:
    """Blank out text between two runs of equally many backticks; ``marks`` matches markup."""
    runs = [match.span("ticks") for match in _TICKS.finditer(text)]
    places = {start: index for index, (start, _) in enumerate(runs)}
    following = _following(runs)
    parts: list[str] = []
    done = at = 0
    while mark := marks.search(text, at):
        at = mark.end()
        if mark["ticks"] is None:
            continue
        start, end = mark.span("ticks")
        closing = following(end - start - _escaped(text, start), places[start] + 1)
        if closing is not None:
            parts += [text[done:start], _blank(text[start : runs[closing][1]])]
            done = at = runs[closing][1]
    return "".join([*parts, text[done:]])


def _escaped(text: str, at: int) -> bool:
    """Return True if an odd number of backslashes precedes a position."""
    first = at
    while first and text[first - 1] == "\\":
        first -= 1
    return (at - first) % 2 == 1


def _following(runs: list[tuple[int, int]]) -> Callable[[int, int], int | None]:
    """Return a function that finds the next run of a length, from a position on."""
    by_length: dict[int, list[int]] = {}
    for index, (start, end) in enumerate(runs):
        by_length.setdefault(end - start, []).append(index)

    def find(length: int, first: int) -> int | None:
        indices = by_length.get(length, [])
        place = bisect_left(indices, first)
        return indices[place] if place < len(indices) else None

    return find


def _blank(text: str) -> str:
    return "".join(char if char in "\r\n" else " " for char in text)
