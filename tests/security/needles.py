"""Canaries, the forms in which each could lie somewhere, and the search for them."""

import base64
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus

SPECIAL = 'caf\u00e9 "%s"\n\\ \u2603 /+?'
"""Encodings of canaries: each way of escaping writes it differently, and no normalisation changes it."""


@dataclass
class Canaries:
    """Texts that are nowhere but where they were planted. All of a stack share a mark: one search rules all out."""

    mark: str = field(default_factory=lambda: f"kanarie{secrets.token_hex(6)}")
    planted: dict[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """A canary with characters that need escaping."""
        return self._plant(name, SPECIAL % f"{self.mark}{len(self.planted):02d}")

    def word(self, name: str, prefix: str = "") -> str:
        """A canary of letters and digits, for headers, URLs and keys."""
        return self._plant(name, f"{prefix}{self.mark}{len(self.planted):02d}end")

    def _plant(self, name: str, canary: str) -> str:
        assert name not in self.planted
        self.planted[name] = canary
        return canary


def forms(text: str | bytes) -> dict[bytes, str]:
    """Return the search terms, and the name of each form."""
    found: dict[bytes, str] = {}
    plain = text if isinstance(text, bytes) else text.encode()
    bases = {"plain": plain}
    if isinstance(text, str):
        ascii_once, once = _escaped(text, True), _escaped(text, False)
        bases |= {
            "JSON, ASCII": ascii_once.encode(),
            "JSON": once.encode(),
            "JSON in JSON, ASCII": _escaped(ascii_once, True).encode(),
            "JSON in JSON": _escaped(once, False).encode(),
            "JSON in JSON, ASCII outside": _escaped(once, True).encode(),
        }
        found = {text.encode(f"utf-16-{order}"): f"UTF-16, {order}" for order in ("le", "be")}
    for name, base in bases.items():
        for needle, form in _written(base):
            found.setdefault(needle, f"{name}, {form}" if form else name)
    return found


def _escaped(text: str, ensure_ascii: bool) -> str:
    return json.dumps(text, ensure_ascii=ensure_ascii)[1:-1]


def _written(base: bytes) -> Iterable[tuple[bytes, str]]:
    """Bytes as they are, and as text that carries bytes."""
    yield base, ""
    yield base.hex().encode(), "hex"
    yield base.hex().upper().encode(), "HEX"
    yield quote(base).encode(), "path"
    yield quote(base, safe="").encode(), "URL"
    yield quote_plus(base).encode(), "form"
    for skipped in range(3):  # from each of the three offsets, without what neighbours would change
        whole = base[skipped : skipped + (len(base) - skipped) // 3 * 3]
        yield base64.b64encode(whole), f"base64+{skipped}"
        yield base64.urlsafe_b64encode(whole), f"base64url+{skipped}"


@dataclass
class Search:
    """A search for canaries and secrets in all their forms."""

    mark: str
    sought: Mapping[str, str | bytes]

    def __post_init__(self) -> None:
        self._anchors = list(forms(self.mark))
        self._forms = {name: forms(text) for name, text in self.sought.items()}
        self._marked = {name for name, text in self.sought.items() if self.mark in str(text)}

    def found_in(self, blob: bytes) -> dict[str, set[str]]:
        """The names of what is in there, with their forms. Every form of a canary holds a form of the mark."""
        marked = any(anchor in blob for anchor in self._anchors)
        found = {}
        for name, needles in self._forms.items():
            if marked or name not in self._marked:
                seen = {form for needle, form in needles.items() if needle in blob}
                if seen:
                    found[name] = seen
        if marked and not found:
            found["a canary, cut or changed"] = {"mark"}
        return found

    def holders(self, blobs: Mapping[str, bytes]) -> dict[str, list[str]]:
        """Return positions and names of matches."""
        found = {place: sorted(self.found_in(blob)) for place, blob in blobs.items()}
        return {place: names for place, names in found.items() if names}

    def named_in(self, blobs: Mapping[str, bytes]) -> dict[str, set[str]]:
        """Return all matches in any of them, with their forms."""
        names: dict[str, set[str]] = {}
        for blob in blobs.values():
            for name, seen in self.found_in(blob).items():
                names.setdefault(name, set()).update(seen)
        return names
