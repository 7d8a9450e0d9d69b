"""HTML with an effect in a page that shows an answer unescaped.

Tags are read as by a browser. HTML that is only mentioned has no effect: a tag without an address, code or destination,
or a script without a call or an assignment. Linear in the text.
"""

import html
import re
from bisect import bisect_left
from collections.abc import Iterator
from enum import StrEnum

from domain.answers.exfiltration import host_of, is_active, normalised
from domain.text.html_tags import Tag, find_tags


class HtmlEffect(StrEnum):
    """Effects of HTML: running code or loading another page; sending what people enter elsewhere."""

    SCRIPT = "script"
    FORM = "form"


_FRAMES = frozenset({"iframe", "frame", "embed", "applet", "object", "base"})
_SOURCES = frozenset({"src", "srcdoc", "data", "href", "code", "codebase", "object"})
_HANDLER = re.compile(r"on[a-z]{3,}")
_CODE = re.compile(r"[(=`]|\bimport\b")
_REFRESH = re.compile(r"[\d.\s]*[;,\s]\s*\S|\s*url\s*=", re.IGNORECASE)
_SCRIPT_END = re.compile("</script", re.IGNORECASE)
_NO_VALUE = re.compile(r"[.\u2026\s]*")


def find_effect(text: str, effect: HtmlEffect) -> tuple[int, int] | None:
    """Return the position of the first tag with an effect, or None."""
    runs = effect is HtmlEffect.SCRIPT
    ends = _script_ends(text) if runs else []
    for tag in find_tags(text):
        values = dict(_values(text, tag))
        name = tag.name.rpartition("<")[2]
        if _runs(text, tag, name, values, ends) if runs else _asks(name, values):
            return tag.start, tag.end
    return None


def _script_ends(text: str) -> list[int]:
    return [match.start() for match in _SCRIPT_END.finditer(text)]


def _values(text: str, tag: Tag) -> Iterator[tuple[str, str]]:
    """Yield attributes' names and values, as browsers do the first of a name."""
    seen: set[str] = set()
    for attribute in tag.attributes:
        value = html.unescape(text[attribute.start : attribute.end])
        if attribute.name not in seen and not _NO_VALUE.fullmatch(value):
            seen.add(attribute.name)
            yield attribute.name, value


def _runs(text: str, tag: Tag, name: str, values: dict[str, str], ends: list[int]) -> bool:
    if any(_HANDLER.match(key) and _CODE.search(value) for key, value in values.items()):
        return True
    if name == "script":
        if "src" in values or "href" in values:
            return True
        end = ends[bisect_left(ends, tag.end)] if ends and ends[-1] >= tag.end else -1
        return end >= 0 and _is_program(text[tag.end : end])
    if name == "meta":
        return values.get("http-equiv", "").strip().lower() == "refresh" and bool(
            _REFRESH.match(values.get("content", ""))
        )
    return name in _FRAMES and not _SOURCES.isdisjoint(values)


def _is_program(script: str) -> bool:
    """Return True unless the text between two tags is prose or left out."""
    if _NO_VALUE.fullmatch(script):
        return False
    return _CODE.search(script) is not None or len(script.split()) == 1


def _asks(name: str, values: dict[str, str]) -> bool:
    if name == "form":
        return _leads_elsewhere(values.get("action", ""))
    if name not in ("input", "button"):
        return False
    if _leads_elsewhere(values.get("formaction", "")):
        return True
    return values.get("type", "").strip().lower() == "password" and "name" in values


def _leads_elsewhere(address: str) -> bool:
    url = normalised(address)
    return host_of(url) is not None or is_active(url)
