"""Mapping of kinds to Temporal failures: the only place that makes an ``ApplicationError`` of a refusal.

The failure's type is the kind's value. Its message is the kind's too: details for callers are in results, never in
exception text. Light enough for a workflow to import.
"""

from datetime import timedelta
from typing import Final

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from domain.refusals import Kind, Nature

HANDED_OVER: Final = "handed-over"
"""Failure type of an attempt that ended with its worker. Not a kind: nothing was wrong with it."""

_WAIT_AND_TRY = frozenset({Kind.STORE_UNAVAILABLE, Kind.VAULT_UNAVAILABLE, Kind.ENGINE_UNAVAILABLE, Kind.INTERNAL})


def failure_for(
    kind: Kind, *details: object, retryable: bool | None = None, retry_after: float | None = None
) -> ApplicationError:
    """Return the failure for a kind.

    Only unavailable servers and unexpected errors are retried, unless ``retryable`` is given. ``retry_after`` (seconds)
    becomes the delay before the next attempt; ``details`` are encrypted like any payload. A caller's mistake or a
    policy's decision is benign: it is no fault, and no alarm.
    """
    again = kind in _WAIT_AND_TRY if retryable is None else retryable
    return ApplicationError(
        str(kind),
        *details,
        type=kind.value,
        non_retryable=not again,
        next_retry_delay=timedelta(seconds=retry_after) if again and retry_after is not None else None,
        category=ApplicationErrorCategory.UNSPECIFIED
        if kind.nature is Nature.FAULT
        else ApplicationErrorCategory.BENIGN,
    )


def handed_over(failed_before: int, *details: object) -> ApplicationError:
    """Return the failure of an attempt whose worker stops; ``failed_before`` counts earlier failures."""
    return ApplicationError(
        "the worker is shutting down",
        failed_before,
        *details,
        type=HANDED_OVER,
        category=ApplicationErrorCategory.BENIGN,
    )
