"""Result of an ended run for its caller: one function for the workflow and for waiters beside it."""

from activities.contracts.stages import Closed, CloseInput, ModelReply, Problem
from assay_temporal.contracts import Answer, InferenceResult, Place, ProblemDetail, Receipt, TokenUsage
from domain.answers.disarming import disarm, shown_as_text
from domain.inference.content import Content, as_json, plain_text
from domain.inference.models import Usage
from domain.inference.runs import Status
from domain.privacy.restoring import restore
from domain.refusals import Kind


def result_of(end: CloseInput, closed: Closed, reply: ModelReply | None) -> InferenceResult:
    """Return the result of a run with this recorded outcome. It does not contain a blocked answer."""
    adopted = closed.adopted_from
    completed = closed.status == Status.COMPLETED.value and adopted is None
    usage = end.usage
    return InferenceResult(
        id=end.run.workflow_id,
        status=closed.status,
        decision=end.verdict.decision.value if end.verdict else None,
        request_hash=end.run.request_hash or None,
        result=_answer(answer_of(end, reply), reply) if completed and reply else None,
        usage=_usage(usage) if usage else None,
        receipt=_receipt(closed),
        problem=_problem(end, completed=completed) if adopted is None else _recorded_before(adopted),
        removed=end.removed,
        masked=end.masked or {},
        redacted=end.redacted or {},
        shown_as_text=(shown_as_text(end.output_verdict) or None) if completed else None,
        worker_proof=closed.proof,
    )


def answer_of(end: CloseInput, reply: ModelReply) -> Content:
    """Return the answer for the caller: content of unknown hosts shown as text, and masked values restored."""
    return restore(disarm(reply.content, end.output_verdict), end.values, end.request)


def _answer(content: Content, reply: ModelReply) -> Answer:
    if isinstance(content, str):
        return Answer(content, reply.model, reply.finish_reason)
    return Answer(plain_text(content), reply.model, reply.finish_reason, tuple(as_json(content)))


def _usage(usage: Usage) -> TokenUsage:
    return TokenUsage(
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.total,
        usage.estimated,
        usage.cached_tokens,
        usage.cache_write_tokens,
        usage.reasoning_tokens,
    )


def _receipt(closed: Closed) -> Receipt | None:
    if closed.record_digest is None or closed.statement is None:
        return None
    openings = {name: salt for name, salt in closed.openings if name in ("prompt", "answer")}
    return Receipt(closed.event_id, closed.record_digest, closed.statement, openings)


def _problem(end: CloseInput, *, completed: bool) -> ProblemDetail | None:
    return None if completed or end.problem is None else _detail(end.problem)


def _recorded_before(run_id: str) -> ProblemDetail:
    """Return the problem of a run that adopts an outcome: its answer, if there is one, is that run's."""
    detail = f"the outcome of this ID was recorded before: the result of its run {run_id} has it"
    return ProblemDetail(Kind.ALREADY_RECORDED.value, detail)


def _detail(problem: Problem) -> ProblemDetail:
    places = tuple(
        Place(found.rule, found.message, found.start, found.end, found.part, found.field) for found in problem.places
    )
    return ProblemDetail(problem.kind, problem.detail, problem.field, problem.rules, problem.retry_after, places)
