"""Sizes of folders and files: small enough that a reader finds the place of a change."""

from pathlib import Path, PurePath
from statistics import median

import pytest

from tests.house.layout import crowded, length_of, long_files, sources, typical_length
from tests.paths import ROOT

MOST_FILES = 15
MOST_LINES = 300
MEDIAN_LINES = 120
EXCEPTIONS = {
    "sdk/assay_temporal": 18,  # teams import its modules by these names
}
"""Folders that are larger, and how large they may be at most."""


def test_no_folder_has_more_python_files_than_a_reader_can_take_in():
    found = crowded(sources(ROOT), MOST_FILES)
    assert {folder: count for folder, count in found.items() if count > EXCEPTIONS.get(folder, 0)} == {}


def test_exceptions_are_no_larger_than_they_have_to_be():
    assert crowded(sources(ROOT), MOST_FILES).items() >= EXCEPTIONS.items()


def test_no_file_outside_the_tests_is_too_long():
    assert long_files(ROOT, sources(ROOT), MOST_LINES) == {}


def test_half_of_the_files_outside_the_tests_are_short():
    assert typical_length(ROOT, sources(ROOT)) < MEDIAN_LINES


def test_a_crowded_folder_is_found():
    files = [PurePath(f"a/b/{number}.py") for number in range(3)] + [PurePath("a/c.py")]
    assert crowded(files, 2) == {"a/b": 3}
    assert crowded(files, 3) == {}


def test_long_files_are_found_and_those_of_tests_are_not_counted(tmp_path: Path):
    for name, lines in (
        ("product/long.py", 12),
        ("product/short.py", 3),
        ("product/none.py", 0),
        ("tests/long.py", 50),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x = 1\n" * lines)
    files = sources(tmp_path)
    assert len(files) == 4
    assert long_files(tmp_path, files, 10) == {"product/long.py": 12}
    assert typical_length(tmp_path, files) == median([12, 3])
    assert length_of(tmp_path / "product/long.py") == 12


@pytest.mark.parametrize("left_out", [".venv/lib/a.py", "x/__pycache__/a.py", ".git/hooks/a.py", "a/notes.md"])
def test_files_that_are_no_sources_are_left_out(tmp_path: Path, left_out: str):
    (tmp_path / left_out).parent.mkdir(parents=True)
    (tmp_path / left_out).touch()
    assert sources(tmp_path) == []
