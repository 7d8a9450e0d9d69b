"""Interceptor that makes activities fail by kind. Other exceptions become ``internal``, without details."""

from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities.failures import failure_for
from assay_temporal.codec import UnauthenticatedPayload
from assay_temporal.keyring import KeyUnavailable
from domain.budgets.values import RecordConflict
from domain.inference.models import ProviderFailure
from domain.refusals import Kind, Refusal


def as_failure(error: Exception) -> ApplicationError:
    """Return the failure for an exception of an activity."""
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
    """Return the error's type and location without its text, which may quote data."""
    return type(error), type(error).__new__(type(error)), error.__traceback__


class FailuresByKind(Interceptor):
    """Makes every activity of a worker fail by kind."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - theirs
        """See ``temporalio.worker.Interceptor``."""
        return _FailingByKind(next)
