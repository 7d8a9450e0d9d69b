"""Counts of private idioms where the field has words, and of duplicate class names. See CONTRIBUTING.md.

``python -m tests.house.words`` lowers the numbers in ``idioms.json`` to today's counts, and raises none.
"""

import ast
import io
import json
import re
import subprocess
import sys
import tokenize
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tests.paths import ROOT

LIMITS = Path(__file__).with_name("idioms.json")
MOST_WORDS = 15
_CLAUSES = frozenset({"what", "whether", "how", "where", "which", "who", "whose", "why", "when"})
_NOT_THE_PRODUCT = ("tests/", "benchmarks/", "deploy/", "scripts/", "training/", "sdk/examples/")
_OWN = ("tests/house/", "domain/text/normalise/words.py")
"""Files that quote idioms, or list words of prompts."""

IDIOMS: Mapping[str, re.Pattern[str]] = {
    name: re.compile(pattern, re.IGNORECASE)
    for name, pattern in {
        "away: unavailable": r"\b(?:is|are|was|were|be|been) away\b",
        "let in, let out: registered, permitted, revoked": r"\b(?:is|are|was|were|be|to|may) let (?:in|out)\b",
        "of ours: Assay's, internal": r"\bof ours\b",
        "stranger: untrusted client, unverified run": r"\bstrangers?\b",
        "hears of it: receives, is called with": r"\bhears?\b",
        "tells: returns, reports": r"\btells\b",
        "nobody: no one, none": r"\bnobody\b",
        "stands for, stands in: is, represents": r"\bstands? (?:for|in|so|there|beside|before|behind)\b",
        "lies in: is in": r"\blies? (?:in|at|there|here|beside|below|encrypted|outside|elsewhere)\b",
        "datum: value": r"\bdatum\b",
        "is none: is not one, is invalid": r"\b(?:it|which|what) is none\b",
        "does not hold: is invalid": r"\b(?:does not|doesn't|do not|don't) hold\b(?! up)",
        "goes on: continues": r"\b(?:goes|go) on\b",
        "anew: again": r"\banew\b",
        "may be had: available": r"\bcan(?:'t|not)? be had\b",
        "reckon, heed: count, check": r"\b(?:reckons?|reckoned|heeds)\b",
    }.items()
}


def sources(*patterns: str, root: Path = ROOT) -> list[Path]:
    """Return the repository's files of these patterns, in order."""
    listed = subprocess.run(["git", "ls-files", "--", *patterns], cwd=root, capture_output=True, text=True, check=True)
    return [root / name for name in listed.stdout.splitlines() if not name.startswith(_OWN) and (root / name).exists()]


def first_sentence(docstring: str) -> str:
    """Return a docstring's first sentence, on one line."""
    paragraph = re.split(r"\n\s*\n", docstring.strip())[0]
    return re.split(r"(?<=[.?!:])\s", " ".join(paragraph.split()))[0]


def docstrings(tree: ast.Module) -> Iterator[str]:
    """Yield the docstrings of a module, its classes, functions and attributes."""
    for node in ast.walk(tree):
        for statement in getattr(node, "body", ()) if not isinstance(node, ast.Lambda | ast.IfExp) else ():
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                text = statement.value.value
                if isinstance(text, str):
                    yield text


def texts(source: str) -> Iterator[str]:
    """Yield the docstrings, strings and comments of Python source: everything written for people."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in {tokenize.COMMENT, tokenize.STRING} or token.type == getattr(tokenize, "FSTRING_MIDDLE", -1):
            yield " ".join(token.string.split())


def in_python(paths: Iterable[Path]) -> Counter[str]:
    """Count idioms in Python files, and docstrings whose first sentence is a clause or too long."""
    counts: Counter[str] = Counter()
    for path in paths:
        source = path.read_text(encoding="utf-8")
        for text in docstrings(ast.parse(source)):
            sentence = first_sentence(text)
            counts["a clause as a name"] += sentence.split(" ")[0].strip("`*,:").lower() in _CLAUSES
            counts["a first sentence of more than 15 words"] += len(sentence.split()) > MOST_WORDS
        for text in texts(source):
            counts += in_text(text)
    return counts


def in_text(text: str) -> Counter[str]:
    """Count idioms in a text."""
    return Counter({name: len(found) for name, pattern in IDIOMS.items() if (found := pattern.findall(text))})


def duplicate_classes(paths: Iterable[Path]) -> dict[str, list[str]]:
    """Return the names that several public or private classes share, with their files."""
    found: dict[str, list[str]] = {}
    for path in paths:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name.lstrip("_"), []).append(str(path))
    return {name: files for name, files in found.items() if len(files) > 1}


def product() -> list[Path]:
    """Return the Python files of the product."""
    return [path for path in sources("*.py") if not path.relative_to(ROOT).as_posix().startswith(_NOT_THE_PRODUCT)]


def counted() -> dict[str, dict[str, int]]:
    """Return today's counts by group of files."""
    inside = set(product())
    others = [path for path in sources("*.py") if path not in inside]
    documents: Counter[str] = Counter()
    for path in sources("*.md", "policies/*.yaml"):
        documents += in_text(" ".join(path.read_text(encoding="utf-8").split()))
    groups = {"product": in_python(inside), "tests and tools": in_python(others), "documents": documents}
    return {group: {name: counts[name] for name in sorted(counts) if counts[name]} for group, counts in groups.items()}


def limits() -> dict[str, dict[str, int]]:
    """Return the counts that must not be exceeded."""
    read: dict[str, dict[str, int]] = json.loads(LIMITS.read_text(encoding="utf-8"))
    return read


def exceeded(counts: Mapping[str, Mapping[str, int]], allowed: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Return the counts above their limit, as messages."""
    return [
        f"{group}: {name}: {count} times, at most {allowed.get(group, {}).get(name, 0)}"
        for group, names in counts.items()
        for name, count in names.items()
        if count > allowed.get(group, {}).get(name, 0)
    ]


def lowered(
    counts: Mapping[str, Mapping[str, int]], allowed: Mapping[str, Mapping[str, int]]
) -> dict[str, dict[str, int]]:
    """Return the limits, reduced to the counts where these are lower."""
    return {
        group: {
            name: least for name in sorted(names) if (least := min(names[name], counts.get(group, {}).get(name, 0)))
        }
        for group, names in allowed.items()
    }


if __name__ == "__main__":
    before = limits() if LIMITS.exists() else counted()
    LIMITS.write_text(json.dumps(lowered(counted(), before), indent=2) + "\n", encoding="utf-8")
    sys.exit(bool(exceeded(counted(), limits())))
