"""An answer as its viewer shows it: Markdown with HTML in it, as a browser reads that."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlsplit

from markdown_it import MarkdownIt

_AUTOLINK = re.compile(
    r"(?:[a-z][a-z0-9+.-]*://|www\.)[^ \t\r\n\f\v<]*|(?:[\w-]+\.)+[a-z]{2,}[/?#][^\s<]*", re.IGNORECASE
)
_BARE = re.compile(r"(?<![A-Za-z0-9_@])(?:(?:https?|ftp|wss?)://|www\.)[^\s<]+", re.IGNORECASE)
_STRIPPED = re.compile("[\t\n\r]")
_CSS = re.compile(r"\\([0-9a-fA-F]{1,6})[ \t\r\n]?|\\(.)")
_CSS_ADDRESS = re.compile(r"url\(\s*[\"']?([^\"')]*)|@import\s*[\"']([^\"']*)")
_CLICKED = frozenset({("a", "href"), ("area", "href"), ("form", "action"), ("button", "formaction")})


@dataclass
class Shown:
    """An answer as shown."""

    attributes: list[tuple[str, str, str]] = field(default_factory=list)
    raw: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)

    def fetchable(self) -> Iterator[str]:
        """All that could carry something off, loaded or by a click."""
        yield from (value for _, _, value in self.attributes)
        yield from self.raw
        for text in self.text:
            yield from _AUTOLINK.findall(text)

    def loaded_hosts(self) -> set[str]:
        """Hosts from which something is loaded without a click."""
        return {host for url in self._loaded() if (host := _host(url))}

    def clicked_hosts(self) -> set[str]:
        """Hosts to which a click leads: of links, forms, and addresses without markup."""
        urls = [value for tag, name, value in self.attributes if (tag, name) in _CLICKED]
        for text in self.text:
            urls += (found if "//" in found else f"//{found}" for found in _BARE.findall(text))
        return {host for url in urls if (host := _host(url))}

    def _loaded(self) -> Iterator[str]:
        for tag, name, value in self.attributes:
            if (tag, name) in _CLICKED or name in ("alt", "title") or name.startswith("xmlns"):
                continue
            if name == "srcdoc":
                yield from shown_as_html(value)._loaded()
            elif name == "srcset":
                yield from (part.split()[0] for part in value.split(",") if part.strip())
            elif name == "content":
                yield value.partition("url=")[2]
            else:
                yield value
            yield from _of_css(value)
        for css in self.raw:
            yield from _of_css(css)


def shown(markdown: str) -> Shown:
    """Show an answer as Markdown with HTML in it."""
    return shown_as_html(MarkdownIt("commonmark", {"html": True}).render(markdown))


def shown_as_html(document: str) -> Shown:
    """Show a text as HTML."""
    reader = _Reader()
    reader.feed(f"{document}<end>")
    reader.close()
    return reader.found


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found = Shown()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        (self.found.raw if self.cdata_elem else self.found.text).append(data)


def _of_css(css: str) -> Iterator[str]:
    plain = _CSS.sub(lambda found: chr(int(found[1], 16)) if found[1] else found[2], css)
    yield from (url for pair in _CSS_ADDRESS.findall(plain) for url in pair if url)


def _host(url: str) -> str | None:
    """The host, as browsers read it (WHATWG URL). None for addresses of the page's own host."""
    url = _STRIPPED.sub("", url).strip("".join(map(chr, range(0x21)))).replace("\\", "/")
    scheme, colon, rest = url.partition(":")
    if colon and scheme.lower() in ("http", "https", "ws", "wss", "ftp"):
        url = "//" + rest.lstrip("/")
    if not url.startswith("//"):
        return None
    try:
        return urlsplit("//" + url.lstrip("/")).hostname
    except ValueError:
        return None
