"""Arguments and results of the stages: one dataclass in, one out, of JSON values.

Each has a ``proof``: of the stages before, in an argument, and of this stage as well, in a result.
"""

from dataclasses import dataclass, field, fields
from typing import Any

from domain.access.principals import SYSTEM_TENANT
from domain.inference.content import UNLESS_SET, Content
from domain.inference.lost_attempts import LostAttempts
from domain.inference.models import Usage
from domain.inference.requests import InferenceRequest
from domain.refusals import Refusal
from domain.screening.verdicts import MatchedSpan, Verdict

PROOF_FIELD = field(default=None, metadata=UNLESS_SET)
"""Default of a field ``proof``: see ``activities.proofs``. Histories of releases before it have none."""


@dataclass(frozen=True)
class Run:
    """Common values of a run's stages. ``started_ms`` is the server's workflow start time, epoch milliseconds."""

    tenant: str
    caller: str
    workflow_id: str
    run_id: str
    started_ms: int
    policy: str
    request_hash: str


def unverified_run(workflow_id: str, run_id: str, started_ms: int) -> Run:
    """Return a run of which only the engine's word is known."""
    return Run(SYSTEM_TENANT, "", workflow_id, run_id, started_ms, "", "")


@dataclass(frozen=True)
class Submitter:
    """The authenticated principal of a run. ``key`` is the ID of the API key, if it is by one."""

    subject: str
    client_id: str
    roles: tuple[str, ...]
    key: str | None = field(default=None, metadata=UNLESS_SET)


@dataclass(frozen=True)
class Problem:
    """Reason for the end of a run without an answer: a kind's value, and details for the caller."""

    kind: str
    detail: str
    field: str | None = None
    rules: tuple[str, ...] = ()
    retry_after: float | None = None
    places: tuple[MatchedSpan, ...] = ()


def problem_of(refusal: Refusal) -> Problem:
    """Return a refusal as a stage's result."""
    return Problem(refusal.kind.value, refusal.detail, refusal.field, retry_after=refusal.retry_after)


@dataclass(frozen=True)
class ValidateInput:
    """A start as received: nothing in it is trusted yet. ``cron_schedule`` is that of the run, if it has one."""

    request: Any
    context: Any
    workflow_id: str
    run_id: str
    started_ms: int
    cron_schedule: str | None = field(default=None, metadata=UNLESS_SET)


@dataclass(frozen=True)
class Validated:
    """A verified start, or its problem. Without a submitter the tenant is not proven.

    ``request`` has no messages: the run has them in its start, and a history contains them often enough.
    ``call_seconds`` are the total time-outs of the model and of ``fallbacks``, in this order; none in histories of
    releases that had one for all.
    """

    run: Run
    submitter: Submitter | None = None
    request: InferenceRequest | None = None
    fallbacks: tuple[str, ...] = ()
    problem: Problem | None = None
    call_seconds: tuple[float, ...] = field(default=(), metadata=UNLESS_SET)
    proof: str | None = PROOF_FIELD


@dataclass(frozen=True)
class StageInput:
    """A request between the guards."""

    run: Run
    request: InferenceRequest
    proof: str | None = PROOF_FIELD


@dataclass(frozen=True)
class SanitiseResult:
    """The request for the model, if it was changed, and the removed and masked parts.

    Attributes:
        request: None if it is unchanged, or could not be searched completely.
        removed: categories of hidden text.
        values: placeholders with the values to restore in the answer. In histories, encrypted, and nowhere else.
        masked: number of values by kind that are restored in the answer.
        redacted: number of those that are not.
        problem: reason for its refusal. ``request`` may be recorded nevertheless.
    """

    request: InferenceRequest | None = None
    removed: tuple[str, ...] = ()
    problem: Problem | None = None
    values: tuple[tuple[str, str], ...] = ()
    masked: dict[str, int] | None = None
    redacted: dict[str, int] | None = None
    proof: str | None = PROOF_FIELD


@dataclass(frozen=True)
class ScreenInput:
    """The sanitised request, and the original, which may contain hidden text. None if they are the same."""

    run: Run
    request: InferenceRequest
    original: InferenceRequest | None = None
    proof: str | None = PROOF_FIELD


@dataclass(frozen=True, slots=True)
class ProvenVerdict(Verdict):
    """A verdict as a stage returns it, with its proof."""

    proof: str | None = PROOF_FIELD

    @classmethod
    def of(cls, verdict: Verdict, proof: str) -> "ProvenVerdict":
        """Return the verdict with a proof."""
        return cls(**{part.name: getattr(verdict, part.name) for part in fields(Verdict)}, proof=proof)

    def bare(self) -> Verdict:
        """Return the verdict alone."""
        return Verdict(**{part.name: getattr(self, part.name) for part in fields(Verdict)})


@dataclass(frozen=True)
class AdmitInput:
    """A request that passed the guards, to be admitted and recorded."""

    run: Run
    submitter: Submitter
    request: InferenceRequest
    original: Any
    verdict: Verdict
    removed: tuple[str, ...]
    masked: dict[str, int] | None = None
    redacted: dict[str, int] | None = None
    proof: str | None = PROOF_FIELD


@dataclass(frozen=True)
class Admission:
    """The reservation, in tokens, or the problem with it."""

    reserved_tokens: int = 0
    problem: Problem | None = None
    proof: str | None = PROOF_FIELD


@dataclass(frozen=True)
class InvokeInput:
    """One call of one model. ``call_id`` is the same in every attempt; ``lost`` are those of workers that stopped.

    ``data`` are the request's attachments: digests, by which they are proven, with base64.
    """

    run: Run
    request: InferenceRequest
    model: str
    call_id: str
    lost: LostAttempts | None = field(default=None, metadata=UNLESS_SET)
    proof: str | None = PROOF_FIELD
    data: tuple[tuple[str, str], ...] = field(default=(), metadata=UNLESS_SET)


@dataclass(frozen=True)
class ModelReply:
    """A model's answer, and the model's name. ``lost`` are attempts at it before that."""

    content: Content
    model: str
    finish_reason: str
    usage: Usage
    lost: LostAttempts | None = field(default=None, metadata=UNLESS_SET)
    proof: str | None = PROOF_FIELD


@dataclass(frozen=True)
class ScreenOutputInput:
    """An answer, and the request it answers."""

    run: Run
    request: InferenceRequest
    reply: ModelReply
    proof: str | None = PROOF_FIELD


@dataclass(frozen=True)
class CloseInput:
    """End of a run, to be settled and recorded.

    Attributes:
        status: a final ``domain.inference.runs.Status``.
        usage: what is charged for the answer; None for nothing.
        lost: attempts without an answer, with the tokens charged for them.
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
    lost: LostAttempts | None = field(default=None, metadata=UNLESS_SET)
    proof: str | None = PROOF_FIELD


@dataclass(frozen=True)
class Closed:
    """Record of the outcome. ``status`` is the recorded one: of two outcomes the first committed wins.

    ``adopted_from`` is the run ID of an outcome that was recorded before, of this run or of another of its workflow ID;
    None for the one that this run has recorded.
    """

    status: str
    event_id: str
    record_digest: str | None = None
    statement: str | None = None
    openings: tuple[tuple[str, str], ...] = ()
    adopted_from: str | None = field(default=None, metadata=UNLESS_SET)
    proof: str | None = PROOF_FIELD
