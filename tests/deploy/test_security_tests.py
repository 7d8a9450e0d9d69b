"""The page of attacks names tests that exist."""

import re
from pathlib import Path

import pytest

from tests.paths import ROOT

PAGE = ROOT / "docs" / "security-tests.md"
_ROW = re.compile(r"(?m)^\| .+ \| (?P<tests>`[^|]+`) \|$")


def missing(page: str, root: Path) -> list[str]:
    """The named tests that don't exist, and rows without one."""
    rows = [line for line in page.splitlines() if line.startswith("| ") and line != "| attack | test |"]
    found = [row for row in rows if not _ROW.match(row)]
    for test in re.findall(r"`(tests/[^`]+)`", page):
        path, _, name = test.partition("::")
        file = root / path
        if not (name and file.is_file() and re.search(rf"(?m)^(async )?def {re.escape(name)}\(", file.read_text())):
            found.append(test)
    return found


def test_every_attack_has_a_test_that_exists():
    assert missing(PAGE.read_text(), ROOT) == []
    assert "`tests/" in PAGE.read_text()


@pytest.mark.parametrize(
    "row",
    [
        "| an attack | `tests/deploy/test_security_tests.py::test_of_nothing` |",
        "| an attack | `tests/deploy/no_file.py::test_x` |",
        "| an attack | `tests/deploy/test_security_tests.py` |",
        "| an attack | none |",
    ],
)
def test_an_attack_without_one_is_found(row: str):
    assert missing(f"| attack | test |\n|---|---|\n{row}\n", ROOT)
