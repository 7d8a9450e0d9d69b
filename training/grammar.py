"""Texts from a grammar: a file's families are expanded, each name in braces by one of its alternatives."""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

_NAME = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_DEEPEST = 12


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
        parts = yaml.safe_load(path.read_text(encoding="utf-8"))
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
            text = self._expand(chance.choice(self.families[family]), chance, 0).strip()
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
