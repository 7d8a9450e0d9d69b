"""Options of all tests: which run at the same time, and in which order."""

from typing import Any

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.groups import ByGroup, group_of, rank_of
from tests.paths import ROOT

# A machine that is busy with other tests is slow now and then: that is no finding of a property.
hypothesis.settings.register_profile("assay", deadline=None)
hypothesis.settings.load_profile("assay")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Run tests of a group one after the other in one process, and groups at the same time."""
    return ByGroup(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the groups that take long."""
    items.sort(key=lambda item: rank_of(group_of(item.nodeid)))


LEFTOVERS = (".assay", ".assay-spool", ".bench")
"""Directories that commands create in a checkout, unless a test sets another."""
_before = pytest.StashKey[frozenset[str]]()


def left_in_checkout() -> frozenset[str]:
    return frozenset(name for name in LEFTOVERS if (ROOT / name).exists())


def pytest_sessionstart(session: pytest.Session) -> None:
    session.config.stash[_before] = left_in_checkout()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail where tests left data in the checkout."""
    if left := left_in_checkout() - session.config.stash[_before]:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        session.config.get_terminal_writer().line(f"\nleft in the checkout: {', '.join(sorted(left))}", red=True)
