"""Groups of tests that share servers: each place exists, and each test belongs to one group."""

import pytest

from tests.groups import GROUPS, group_of, rank_of
from tests.paths import ROOT


@pytest.mark.parametrize("place", [place for places in GROUPS.values() for place in places])
def test_every_place_of_a_group_exists(place: str):
    assert (ROOT / "tests" / place).exists()


@pytest.mark.parametrize(
    ("test", "group"),
    [
        ("tests/e2e/audit/test_codec.py::test_it", "gateway"),
        ("tests/e2e/processes/test_up.py::test_it[a::b]", "up"),
        ("tests/security/test_canaries.py::test_it", "canaries"),
        ("tests/security/log/test_tampering.py::test_it", "log"),
        ("tests/unit/text/test_sanitise.py::test_it", "tests/unit/text/test_sanitise.py"),
        ("tests/properties/test_merkle.py::test_it", "tests/properties/test_merkle.py::test_it"),
    ],
)
def test_the_innermost_place_decides(test: str, group: str):
    assert group_of(test) == group


def test_long_groups_start_first_and_properties_before_files():
    backwards = ["tests/unit/text/test_sanitise.py", "tests/properties/test_merkle.py::test_it", *reversed(GROUPS)]
    groups = backwards.copy()
    groups.sort(key=rank_of)
    assert groups == [*reversed(backwards)]
