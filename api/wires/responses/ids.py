"""IDs of responses and of their items, made of the run's.

Some clients tell their own IDs from a server's by the prefixes ``resp_`` and ``msg_``.
"""

import re
from typing import Final

from domain.identity import tenant_of_run

_PREFIX: Final = "resp_"
_ITEM: Final = re.compile(r"(?:msg|fc|ctc|rs)_(?P<tag>[a-z2-7]{32}(?:\.[0-9]{1,2})?)_(?P<at>[0-9]{1,4})\Z")


def response_id(run_id: str) -> str:
    """Return the ID of the run's response."""
    return f"{_PREFIX}{run_id}"


def run_of(response: str) -> str | None:
    """Return the run of a response's or a run's ID; None for others."""
    found = response.removeprefix(_PREFIX)
    return found if tenant_of_run(found) is not None else None


def item_id(prefix: str, run_id: str, at: int | str) -> str:
    """Return the ID of the item at an index of a run's response."""
    return f"{prefix}_{run_id.split('.', 2)[2]}_{at}"


def item_of(item: str, tenant: str) -> tuple[str, int] | None:
    """Return run and index of an item's ID; None for other texts."""
    match = _ITEM.match(item)
    if match is None:
        return None
    run_id = f"inf.{tenant}.{match['tag']}"
    return None if tenant_of_run(run_id) is None else (run_id, int(match["at"]))
