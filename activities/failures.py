"""Kinds to Temporal failures: the only place where a refusal becomes an ``ApplicationError``.

The failure's type is the kind's value. Its message is the kind's too: details for callers travel in results, never in
exception text. What no kind describes is ``internal``, and tells no more than that.
"""

from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from assay_temporal.codec import UnauthenticatedPayload
from assay_temporal.keyring import KeyUnavailable
from domain.budgets import RecordConflict
from domain.models import ProviderFailure
from domain.refusals import Kind, Nature, Refusal

_WAIT_AND_TRY = frozenset({Kind.STORE_UNAVAILABLE, Kind.VAULT_UNAVAILABLE, Kind.ENGINE_UNAVAILABLE, Kind.INTERNAL})


def failure_for(
    kind: Kind, *details: object, retryable: bool | None = None, retry_after: float | None = None
) -> ApplicationError:
    """The failure that stands for a kind.

    Only absent stores and unexpected errors are retried, unless ``retryable`` says otherwise. ``retry_after`` (seconds)
    becomes the delay before the next attempt; ``details`` are encrypted like any payload. What is the caller's doing
    or a policy's decision is benign: it is no error of ours, and no alarm.
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


def as_failure(error: Exception) -> ApplicationError:
    """The failure for an exception that left an activity."""
    match error:
        case Refusal():
            return failure_for(error.kind, retry_after=error.retry_after)
        case ProviderFailure():
            return failure_for(error.kind, retryable=error.retryable, retry_after=error.retry_after)
        case KeyUnavailable(gone=False):
            return failure_for(Kind.VAULT_UNAVAILABLE)
        case KeyUnavailable() | UnauthenticatedPayload() | RecordConflict():
            return failure_for(Kind.INTERNAL, retryable=False)
        case _:
            return failure_for(Kind.INTERNAL)


class _FailingByKind(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002, ANN401 - Temporal's signature
        try:
            return await super().execute_activity(input)
        except ApplicationError:
            raise
        except Exception as error:  # noqa: BLE001 - nothing may reach history unnamed
            if not isinstance(error, Refusal | ProviderFailure | KeyUnavailable):
                activity.logger.exception("activity failed unexpectedly", exc_info=_shape_only(error))
            raise as_failure(error) from None


def _shape_only(error: Exception) -> tuple[type[Exception], Exception, Any]:
    """The error's type and place without its text, which may quote what it choked on."""
    return type(error), type(error).__new__(type(error)), error.__traceback__


class FailuresByKind(Interceptor):
    """Makes every activity of a worker fail by kind."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - theirs
        """See ``temporalio.worker.Interceptor``."""
        return _FailingByKind(next)
