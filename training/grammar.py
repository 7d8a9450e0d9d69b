"""Texts from a grammar: a file's families are expanded, each name in braces by one of its alternatives."""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

_NAME = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_DEEPEST = 12
_CHANGED = re.compile(r"<<(reverse|split|acrostic) (.*?)>>", re.DOTALL)
_INITIALS = (
    "apples are ripe|birds sing early|clouds drift by|doors stay open|eggs are cheap|fish swim deep|grass is green|"
    "horses run fast|ink dries slowly|jam is sweet|kites fly high|lamps burn low|mice sleep well|nuts are hard|"
    "owls see all|pears taste good|queens ride out|rain falls softly|snow is cold|trees grow tall|uncle is here|"
    "violets bloom|water runs down|xylophones ring|years pass by|zebras graze"
)


@dataclass(frozen=True)
class Grammar:
    """Families of texts, and their parts."""

    families: dict[str, list[str]]
    parts: dict[str, list[str]]

    @classmethod
    def read(cls, path: Path) -> "Grammar":
        """Read a grammar file.

        Raises:
            ValueError: an unknown name is used (``{{name}}`` is literal braces in the text).
        """
        parts = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 - "No" stays a text
        families = parts.pop("families")
        for alternatives in (*families.values(), *parts.values()):
            for text in alternatives:
                for name in _NAME.findall(text.replace("{{", "").replace("}}", "")):
                    if name not in parts:
                        raise ValueError(f"{path.name}: no part is called {name}")
        return cls(families, parts)

    def texts(self, family: str, number: int, chance: random.Random) -> Iterator[str]:
        """Yield different texts of a family, at most ``number``; fewer if the family has no more."""
        seen: set[str] = set()
        for _ in range(number * 3):
            text = _CHANGED.sub(_change, self._expand(chance.choice(self.families[family]), chance, 0)).strip()
            if text and text not in seen:
                seen.add(text)
                yield text
                if len(seen) == number:
                    return

    def _expand(self, text: str, chance: random.Random, depth: int) -> str:
        if depth > _DEEPEST:
            raise ValueError("the grammar goes in circles")

        def part(match: re.Match[str]) -> str:
            return self._expand(chance.choice(self.parts[match[1]]), chance, depth + 1)

        return _NAME.sub(part, text.replace("{{", "\0").replace("}}", "\1")).replace("\0", "{{").replace("\1", "}}")


def _change(match: re.Match[str]) -> str:
    """Return a marked stretch reversed, cut into quoted parts, or as lines with these initials."""
    how, text = match[1], match[2]
    if how == "reverse":
        return text[::-1]
    if how == "split":
        return " + ".join(f'"{text[at : at + 4]}"' for at in range(0, len(text), 4))
    lines = {line[0]: line for line in _INITIALS.split("|")}
    return "\n".join(lines[letter] for letter in text if letter in lines)
