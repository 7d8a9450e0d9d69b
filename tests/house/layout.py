"""Numbers and lengths of Python files. Empty ``__init__.py`` files count for folders, and not for the median."""

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path, PurePath
from statistics import median


def sources(root: Path) -> list[PurePath]:
    """Return the Python files below a directory, relative to it, without hidden folders and caches."""
    found: list[PurePath] = []
    for folder, below, names in os.walk(root):
        below[:] = [name for name in below if not name.startswith(".") and name != "__pycache__"]
        here = Path(folder).relative_to(root)
        found += [here / name for name in names if name.endswith(".py")]
    return sorted(found)


def crowded(files: Iterable[PurePath], most: int) -> dict[str, int]:
    """Return the folders with more than ``most`` files, and how many they have."""
    counts = Counter(file.parent.as_posix() for file in files)
    return {folder: count for folder, count in sorted(counts.items()) if count > most}


def long_files(root: Path, files: Iterable[PurePath], most: int) -> dict[str, int]:
    """Return the files outside ``tests`` with more than ``most`` lines, and how many they have."""
    lengths = {file.as_posix(): length_of(root / file) for file in _outside_tests(files)}
    return {file: lines for file, lines in lengths.items() if lines > most}


def typical_length(root: Path, files: Iterable[PurePath]) -> float:
    """Return the median length in lines of the files outside ``tests`` that are not empty."""
    return median(lines for file in _outside_tests(files) if (lines := length_of(root / file)))


def length_of(file: Path) -> int:
    """Return a file's length in lines."""
    return len(file.read_text(encoding="utf-8").splitlines())


def _outside_tests(files: Iterable[PurePath]) -> Iterable[PurePath]:
    return (file for file in files if file.parts[0] != "tests")
