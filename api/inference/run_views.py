"""A run as shown to its callers, built from Temporal's result."""

from dataclasses import dataclass, fields, replace
from typing import Any
from uuid import UUID

from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError, CancelledError, TerminatedError, TimeoutError  # noqa: A004 - theirs

from api.problems import problem_type
from assay_temporal.contracts import InferenceResult, ProblemDetail
from domain.identity import earlier_attempt
from domain.inference.runs import Status
from domain.refusals import Kind, Refusal
from domain.transparency.checkpoints import Proof

_KINDS = frozenset(kind.value for kind in Kind)


@dataclass(frozen=True, slots=True)
class RunView:
    """Status of a run, with its result if it has ended."""

    id: str
    status: Status
    result: InferenceResult | None = None
    problem: ProblemDetail | None = None
    caller: str | None = None
    """Keyed hash of the run's caller, if it is proven."""
    proof: str | None = None
    """Text of a tlog-proof: a signed checkpoint covers the receipt's event."""

    @property
    def running(self) -> bool:
        """Return True while an outcome is still to come."""
        return self.status in (Status.RUNNING, Status.HELD)

    @property
    def event(self) -> UUID | None:
        """The event of its receipt, if it has one."""
        receipt = self.result.receipt if self.result is not None else None
        return UUID(receipt.event_id) if receipt is not None else None

    def with_proof(self, proof: Proof | None) -> "RunView":
        """The run with its receipt's proof, if there is one."""
        return self if proof is None else replace(self, proof=proof.text())

    @property
    def unsealed(self) -> bool:
        """Return True for a receipt without a proof."""
        return self.result is not None and self.result.receipt is not None and self.proof is None

    @property
    def refusal(self) -> Refusal | None:
        """Return the reason for a missing answer as a refusal. None with an answer, or while running."""
        if self.problem is None:
            return None
        found = self.problem
        return Refusal(Kind(found.kind), found.detail, field=found.field, retry_after=found.retry_after)

    def body(self) -> dict[str, Any]:
        """Return the run's JSON: ``{id, status, decision, ...}``, with optional members as available."""
        body: dict[str, Any] = {"id": self.id, "status": self.status.value, "decision": None}
        body |= _attempt(self.id)
        if (ended := self.result) is not None:
            body["decision"] = ended.decision
            for name, part in (("result", ended.result), ("usage", ended.usage), ("receipt", ended.receipt)):
                if part is not None:
                    body[name] = _given(part)
            if self.proof is not None and ended.receipt is not None:
                body["receipt"]["proof"] = self.proof
            if ended.removed:
                body["removed"] = list(ended.removed)
            for name, counts in (("masked", ended.masked), ("redacted", ended.redacted)):
                if counts:
                    body[name] = dict(counts)
            if ended.shown_as_text:
                body["shown_as_text"] = ended.shown_as_text
        if self.problem is not None:
            body["problem"] = _problem(self.problem)
        return body


def _attempt(run_id: str) -> dict[str, str]:
    """Return the member with the attempt before; none for a first one."""
    earlier = earlier_attempt(run_id)
    return {} if earlier is None else {"earlier_attempt": earlier}


def _problem(problem: ProblemDetail) -> dict[str, Any]:
    said = {"type": problem_type(Kind(problem.kind)), "detail": problem.detail, "field": problem.field}
    body: dict[str, Any] = {name: value for name, value in said.items() if value is not None}
    if problem.rules:
        body["rules"] = list(problem.rules)
    if problem.places:
        body["findings"] = findings_of(problem)
    return body


def findings_of(problem: ProblemDetail) -> list[dict[str, Any]]:
    """Return the matches of the screening's rules as JSON."""
    return [_given(place) for place in problem.places]


def _given(part: object) -> dict[str, Any]:
    """Return a contract dataclass's members, without unset ones for content in parts."""
    return {
        member.name: value
        for member in fields(part)  # type: ignore[arg-type] # of a contract
        if (value := getattr(part, member.name)) != member.default or not member.metadata
    }


def running(run_id: str) -> RunView:
    """Return a run without an outcome yet."""
    return RunView(run_id, Status.RUNNING)


def ended(run_id: str, result: InferenceResult, caller: str | None = None) -> RunView:
    """Return the run with a proven result."""
    return RunView(run_id, Status(result.status), result, result.problem, caller)


def failed(run_id: str, error: WorkflowFailureError) -> RunView:
    """Return a workflow that failed without a result as a run."""
    match error.cause:
        case CancelledError():
            return _failed(run_id, Kind.RUN_CANCELLED, "the run was cancelled", Status.CANCELLED)
        case TerminatedError():
            return _failed(run_id, Kind.RUN_TERMINATED, "the run was terminated by an operator")
        case TimeoutError():
            return _failed(run_id, Kind.RUN_TERMINATED, "the run timed out")
        case ApplicationError() as cause if cause.type in _KINDS:
            return _failed(run_id, Kind(cause.type), "the run failed")
        case _:
            return _failed(run_id, Kind.INTERNAL, "the run failed")


def _failed(run_id: str, kind: Kind, detail: str, status: Status = Status.FAILED) -> RunView:
    return RunView(run_id, status, problem=ProblemDetail(kind.value, detail))
