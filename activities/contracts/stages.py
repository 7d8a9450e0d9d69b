"""What goes into each stage and what comes out: one dataclass in, one out, of values that JSON can carry."""

from dataclasses import dataclass
from typing import Any

from domain.inference.models import Usage
from domain.inference.requests import InferenceRequest
from domain.refusals import Refusal
from domain.screening.verdicts import MatchedSpan, Verdict


@dataclass(frozen=True)
class Run:
    """What every stage knows of its run. ``started_ms`` is the server's workflow start time, epoch milliseconds."""

    tenant: str
    caller: str
    workflow_id: str
    run_id: str
    started_ms: int
    policy: str
    request_hash: str


@dataclass(frozen=True)
class Submitter:
    """The proven principal behind a run."""

    subject: str
    client_id: str
    roles: tuple[str, ...]


@dataclass(frozen=True)
class Problem:
    """Why a run ends without an answer: a kind's value and what its caller may know."""

    kind: str
    detail: str
    field: str | None = None
    rules: tuple[str, ...] = ()
    retry_after: float | None = None
    places: tuple[MatchedSpan, ...] = ()


def problem_of(refusal: Refusal) -> Problem:
    """A refusal as a stage's result."""
    return Problem(refusal.kind.value, refusal.detail, refusal.field, retry_after=refusal.retry_after)


@dataclass(frozen=True)
class ValidateInput:
    """A start as it came: nothing in it is trusted yet."""

    request: Any
    context: Any
    workflow_id: str
    run_id: str
    started_ms: int


@dataclass(frozen=True)
class Validated:
    """A start that holds, or the problem with it. Without a submitter the tenant is not proven.

    ``request`` comes without its messages: the run has them in its start, and a history holds them often enough.
    ``call_seconds`` are the total time-outs of the model and of ``fallbacks``, in this order; none in histories of
    releases that had one for all.
    """

    run: Run
    submitter: Submitter | None = None
    request: InferenceRequest | None = None
    fallbacks: tuple[str, ...] = ()
    problem: Problem | None = None
    call_seconds: tuple[float, ...] = ()


@dataclass(frozen=True)
class StageInput:
    """A request on its way through the guards."""

    run: Run
    request: InferenceRequest


@dataclass(frozen=True)
class SanitiseResult:
    """The request that the model may see, where it is not as it came, and what was removed from it.

    Attributes:
        request: None if it is as it came, or if it could not be read to its end.
        removed: names of what hid.
        values: placeholders with the data that go back into the answer. In histories, encrypted, and nowhere else.
        masked: how many data of a kind are put back into the answer.
        redacted: how many are not.
        problem: why it goes no further. ``request`` may be recorded all the same.
    """

    request: InferenceRequest | None = None
    removed: tuple[str, ...] = ()
    problem: Problem | None = None
    values: tuple[tuple[str, str], ...] = ()
    masked: dict[str, int] | None = None
    redacted: dict[str, int] | None = None


@dataclass(frozen=True)
class ScreenInput:
    """The sanitised request beside the original, which may hold what hides; None if they are the same."""

    run: Run
    request: InferenceRequest
    original: InferenceRequest | None = None


@dataclass(frozen=True)
class AdmitInput:
    """A request that passed the guards, to be reserved for and recorded."""

    run: Run
    submitter: Submitter
    request: InferenceRequest
    original: Any
    verdict: Verdict
    removed: tuple[str, ...]
    masked: dict[str, int] | None = None
    redacted: dict[str, int] | None = None


@dataclass(frozen=True)
class Admission:
    """The reservation, in tokens, or the problem with it."""

    reserved_tokens: int = 0
    problem: Problem | None = None


@dataclass(frozen=True)
class InvokeInput:
    """One call of one model. ``call_id`` is the same in every attempt."""

    run: Run
    request: InferenceRequest
    model: str
    call_id: str


@dataclass(frozen=True)
class ModelReply:
    """What the model answered, and which model it was."""

    content: str
    model: str
    finish_reason: str
    usage: Usage


@dataclass(frozen=True)
class ScreenOutputInput:
    """An answer beside the request it answers."""

    run: Run
    request: InferenceRequest
    reply: ModelReply


@dataclass(frozen=True)
class CloseInput:
    """How a run ends, to be settled and recorded.

    Attributes:
        status: a final ``domain.inference.runs.Status``.
        usage: what is charged; None refunds all.
        admitted: whether a reservation may exist.
        original: the request as it was sent, for the commitment; None where it could not be read.
        request: the request that the model saw, or would have seen; without messages if it was not cleaned of what
            no record may hold.
        reply: with placeholders, as the model gave it.
        values: what goes into their places for the caller.
    """

    run: Run
    status: str
    submitter: Submitter | None = None
    request: InferenceRequest | None = None
    original: Any = None
    verdict: Verdict | None = None
    output_verdict: Verdict | None = None
    removed: tuple[str, ...] = ()
    reply: ModelReply | None = None
    usage: Usage | None = None
    admitted: bool = False
    problem: Problem | None = None
    values: tuple[tuple[str, str], ...] = ()
    masked: dict[str, int] | None = None
    redacted: dict[str, int] | None = None


@dataclass(frozen=True)
class Closed:
    """The record of the outcome. ``status`` is the recorded one: of two outcomes the first committed wins."""

    status: str
    event_id: str
    record_digest: str | None = None
    statement: str | None = None
    openings: tuple[tuple[str, str], ...] = ()
