"""Lengths of a run and of longer-lived data, from the longest permitted model call.

| length               | value          | from                                                                   |
|----------------------|----------------|------------------------------------------------------------------------|
| LONGEST_MODEL_CALL   | 1 h            | the most that ``timeouts.total`` of a model may be                     |
| DEFAULT_MODEL_CALL   | 60 s           | ``timeouts.total`` of a model that gives none                          |
| all_attempts(total)  | 3 min at least | three calls of that length: an answer, after others failed             |
| MODELS_TOTAL         | 24 h           | eight models of the longest call; the policy holds fallbacks within it |
| STORE_WAIT           | 24 h           | longer than any outage that operators sleep through                    |
| RUN_TOTAL            | 3 days         | a stage that waits for a store, the models, and the closing            |
| SWEEP_PATIENCE       | 70 min         | the longest model call, and ten minutes for the stages around it       |
| outlasts(retention)  |                | a run, then its history, and a day for clocks that differ              |
| ids_kept(retention)  | 40 days at least | as long as records stay in tables, and longer than any history       |

PostgreSQL has floors of its own under what it removes, in ``migrations``: a test compares them with these.
"""

from datetime import timedelta
from typing import Final

LONGEST_MODEL_CALL: Final = timedelta(hours=1)
DEFAULT_MODEL_CALL: Final = timedelta(seconds=60)
_CALLS_IN_ALL: Final = 3
_SHORTEST_IN_ALL: Final = timedelta(minutes=3)
_LONGEST_MODELS: Final = 8


def all_attempts(total: timedelta) -> timedelta:
    """Return the time for all attempts at a model whose call may take ``total``."""
    return max(_CALLS_IN_ALL * total, _SHORTEST_IN_ALL)


MODELS_TOTAL: Final = _LONGEST_MODELS * all_attempts(LONGEST_MODEL_CALL)
STORE_WAIT: Final = timedelta(hours=24)
RUN_TOTAL: Final = 2 * STORE_WAIT + MODELS_TOTAL
SWEEP_PATIENCE: Final = LONGEST_MODEL_CALL + timedelta(minutes=10)
_CLOCK_MARGIN: Final = timedelta(days=1)


def outlasts(retention: timedelta) -> timedelta:
    """Return the age of data that no run needs, with closed runs kept for ``retention``."""
    return RUN_TOTAL + retention + _CLOCK_MARGIN


_LEAST_IDS_KEPT: Final = timedelta(days=40)


def ids_kept(retention: timedelta) -> timedelta:
    """Return the age of workflow IDs that are forgotten, with closed runs kept for ``retention``.

    A history can be reset until it is removed. Until then, and while its record is in a table rather than an archive,
    the ID of a run must not be admitted again.
    """
    return max(_LEAST_IDS_KEPT, outlasts(retention))
