"""How asking can fail, typed. Each is an ``ApplicationError``, so that one that nobody catches fails the workflow.

Their ``type``, which Temporal shows in plaintext, is Assay's kind of refusal; their message says no more than that.
"""

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from assay_temporal.contracts import InferenceResult


class AssayError(ApplicationError):
    """No answer. ``kind`` is as in ``urn:assay:problem:<kind>``; ``run_id`` is the run's, where there is one."""

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
    """The policy decided against the request or its answer, or a budget is spent: ``result`` says all about it."""

    def __init__(self, result: InferenceResult) -> None:
        super().__init__(result.problem.kind if result.problem else result.status, run_id=result.id, benign=True)
        self.result = result


class Faulted(AssayError):
    """Something broke, at Assay's or at the model's provider's, after Assay's own retries. Asking anew may help.

    ``result`` tells what was recorded and charged, where the run could still say so. Also raised for a run that was
    cancelled or ended by somebody else than whoever asked.
    """

    def __init__(self, kind: str, *, run_id: str | None = None, result: InferenceResult | None = None) -> None:
        super().__init__(kind, run_id=run_id, retryable=True)
        self.result = result


class InvalidCall(AssayError):
    """The request can't be said in JSON, so it was never sent."""

    def __init__(self) -> None:
        super().__init__("invalid-request")


class NotLetIn(AssayError):
    """The tenant has no key that this team can use: it was not let in, or the tenant was erased."""

    def __init__(self) -> None:
        super().__init__("not-let-in")


class AnotherRequest(AssayError):
    """A run of this ID was started with another request."""

    def __init__(self, run_id: str) -> None:
        super().__init__("idempotency-mismatch", run_id=run_id)
