"""Groups of tests that share servers, and so a process of pytest; those of other groups run at the same time."""

from pathlib import PurePosixPath
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

GROUPS: dict[str, tuple[str, ...]] = {
    "gateway": ("e2e/audit", "e2e/inferences", "e2e/teams"),
    "chaos": ("chaos",),
    "stores": ("adapters",),
    "canaries": ("security",),
    "upgrades": ("e2e/processes/test_upgrades.py",),
    "ends": (
        *("e2e/processes/test_abandoned.py", "e2e/processes/test_shutdown.py"),
        *("e2e/processes/test_response_streams.py", "e2e/processes/test_repeats.py"),
    ),
    "log": ("security/log",),
    "starts": ("security/starts",),
    "stages": ("security/stages",),
    "up": ("e2e/processes/test_up.py",),
    "policies": ("e2e/processes/test_policies.py",),
    "contracts": ("contracts",),
    "clients": ("clients",),
    "servers": ("embedded/test_stack.py",),
}
"""Folders and files by group; the innermost one counts. Groups that take long come first.

Whatever is not named here is a group file by file, but for ``ALONE``.
"""
ALONE = ("properties",)
"""A folder whose tests share nothing and take long: each is run where a process is free."""

_PLACES = {f"tests/{place}": group for group, places in GROUPS.items() for place in places}
_RANKS = {group: rank for rank, group in enumerate(GROUPS)}


class ByGroup(LoadScopeScheduling):
    """Hands each group to one process, in the order in which they were collected."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


def group_of(nodeid: str) -> str:
    """The group of a test."""
    file = PurePosixPath(nodeid.partition("::")[0])
    for place in (file, *file.parents):
        if group := _PLACES.get(str(place)):
            return group
    return nodeid if file.parts[1:2] == ALONE else str(file)


def rank_of(group: str) -> int:
    """Return the position of a group."""
    return _RANKS.get(group, len(_RANKS) + ("::" not in group))
