"""Arguments and results of the workflow ``GuardedInference``. Plain dataclasses of JSON values."""

from dataclasses import dataclass, field
from typing import Any, Final

WORKFLOW: Final = "GuardedInference"
"""Type name of the workflow."""


@dataclass(frozen=True)
class SignedRequest:
    """The workflow's only argument.

    Attributes:
        request: the body of ``POST /v1/inferences``, as decoded from JSON.
        context: signed caller, request hash and expiry: see ``assay_temporal.start_context``.
    """

    request: dict[str, Any]
    context: str


@dataclass(frozen=True)
class Answer:
    """Answer of the model."""

    content: str
    model: str
    finish_reason: str


@dataclass(frozen=True)
class TokenUsage:
    """Tokens spent and charged. ``estimated`` if the provider did not report them."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    estimated: bool = False


@dataclass(frozen=True)
class Receipt:
    """Signed proof that the run's outcome was recorded before this answer was returned.

    Attributes:
        event_id: the outcome's event.
        record_digest: SHA-256 of the record as stored, hexadecimal.
        statement: a compact JWS (EdDSA) over both, the run's ID, the decision and the commitments.
        openings: the salts, hexadecimal, that open the commitments to the caller's prompt and answer.
    """

    event_id: str
    record_digest: str
    statement: str
    openings: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """Match of a screening rule.

    Code points ``start`` to ``end`` of the message at ``message``, as it was sent.
    """

    rule: str
    message: int
    start: int
    end: int


@dataclass(frozen=True)
class ProblemDetail:
    """Reason for a missing answer. ``kind`` ends the problem type ``urn:assay:problem:<kind>``."""

    kind: str
    detail: str
    field: str | None = None
    rules: tuple[str, ...] = ()
    retry_after: float | None = None
    places: tuple[Place, ...] = ()


@dataclass(frozen=True)
class StageReport:
    """A completed stage and its result: text without any of a prompt or an answer."""

    stage: str
    outcome: str


@dataclass(frozen=True)
class Progress:
    """Result of the query ``progress``. ``status`` as in a run's body, ``stage`` the current one."""

    status: str
    stage: str
    done: tuple[StageReport, ...] = ()


@dataclass(frozen=True)
class Withdrawal:
    """Argument of the update ``withdraw``, which ends a run in order and returns the recorded status.

    ``reason`` is one of ``WITHDRAWAL_REASONS``. The update is rejected once the run is closing.
    """

    reason: str


WITHDRAWAL_REASONS: Final = ("superseded", "operator", "policy")


@dataclass(frozen=True)
class InferenceResult:
    """Outcome of a run. A denial by policy is a result; a fault fails the run.

    Attributes:
        removed: categories of removed hidden text.
        masked: number of sensitive values by kind that the model did not see and that are restored in the answer.
        redacted: number of those replaced permanently by a placeholder.
    """

    id: str
    status: str
    decision: str | None
    request_hash: str | None = None
    result: Answer | None = None
    usage: TokenUsage | None = None
    receipt: Receipt | None = None
    problem: ProblemDetail | None = None
    removed: tuple[str, ...] = ()
    masked: dict[str, int] = field(default_factory=dict)
    redacted: dict[str, int] = field(default_factory=dict)
