"""Errors of inference calls. Each is an ``ApplicationError``: an uncaught one fails the workflow.

Their ``type``, which Temporal shows in plaintext, is Assay's kind of refusal; their message contains nothing more.
"""

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from assay_temporal.contracts import InferenceResult


class AssayError(ApplicationError):
    """A call without an answer. ``kind`` is as in ``urn:assay:problem:<kind>``; ``run_id`` is the run's, if there is
    one.
    """

    def __init__(self, kind: str, *, run_id: str | None = None, retryable: bool = False, benign: bool = False) -> None:
        super().__init__(
            f"assay: {kind}",
            type=kind,
            non_retryable=not retryable,
            category=ApplicationErrorCategory.BENIGN if benign else ApplicationErrorCategory.UNSPECIFIED,
        )
        self.kind = kind
        self.run_id = run_id


class Denied(AssayError):
    """The policy denied the request or its answer, or a budget is exhausted: see ``result``."""

    def __init__(self, result: InferenceResult) -> None:
        super().__init__(result.problem.kind if result.problem else result.status, run_id=result.id, benign=True)
        self.result = result


class Faulted(AssayError):
    """A fault at Assay or the model's provider that outlasted Assay's retries. A new call may succeed.

    ``result`` has the recorded and charged values, if the run could still return them. Also raised for a run that was
    cancelled or ended by others.
    """

    def __init__(self, kind: str, *, run_id: str | None = None, result: InferenceResult | None = None) -> None:
        super().__init__(kind, run_id=run_id, retryable=True)
        self.result = result


class InvalidCall(AssayError):
    """The request can't be encoded as JSON, so it was never sent."""

    def __init__(self) -> None:
        super().__init__("invalid-request")


class NotLetIn(AssayError):
    """The tenant has no key accessible to this team: it is not registered, or the tenant was erased."""

    def __init__(self) -> None:
        super().__init__("not-let-in")


class AnotherRequest(AssayError):
    """A run with this ID was started with another request."""

    def __init__(self, run_id: str) -> None:
        super().__init__("idempotency-mismatch", run_id=run_id)
