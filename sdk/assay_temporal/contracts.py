"""What goes into the workflow ``GuardedInference`` and what comes out. Plain dataclasses of JSON values."""

from dataclasses import dataclass, field
from typing import Any, Final

WORKFLOW: Final = "GuardedInference"
"""The workflow's type."""


@dataclass(frozen=True)
class SignedRequest:
    """The workflow's only argument.

    Attributes:
        request: the body of ``POST /v1/inferences``, as decoded from JSON.
        context: who starts this run, for which request, until when: see ``assay_temporal.start_context``.
    """

    request: dict[str, Any]
    context: str


@dataclass(frozen=True)
class Answer:
    """What the model said."""

    content: str
    model: str
    finish_reason: str


@dataclass(frozen=True)
class TokenUsage:
    """Tokens spent and charged. ``estimated`` where the provider has not said how many."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    estimated: bool = False


@dataclass(frozen=True)
class Receipt:
    """Proof that the run's outcome was recorded before this answer was given.

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
    """Where a rule of the screening matched.

    Code points ``start`` to ``end`` of the message at ``message``, as it was sent.
    """

    rule: str
    message: int
    start: int
    end: int


@dataclass(frozen=True)
class ProblemDetail:
    """Why there is no answer. ``kind`` ends the problem type ``urn:assay:problem:<kind>``."""

    kind: str
    detail: str
    field: str | None = None
    rules: tuple[str, ...] = ()
    retry_after: float | None = None
    places: tuple[Place, ...] = ()


@dataclass(frozen=True)
class StageReport:
    """A stage that is over, and what came of it: words for people, none of a prompt or an answer."""

    stage: str
    outcome: str


@dataclass(frozen=True)
class Progress:
    """The answer to the query ``progress``. ``status`` as in a run's body, ``stage`` the one that the run is in."""

    status: str
    stage: str
    done: tuple[StageReport, ...] = ()


@dataclass(frozen=True)
class Withdrawal:
    """The argument of the update ``withdraw``, which ends a run in order and gives the status that was recorded.

    ``reason`` is one of ``WITHDRAWAL_REASONS``. The update is rejected once the run is closing.
    """

    reason: str


WITHDRAWAL_REASONS: Final = ("superseded", "operator", "policy")


@dataclass(frozen=True)
class InferenceResult:
    """How a run ended. A denial by policy is a result; a fault fails the run.

    Attributes:
        removed: names of what hid in the prompt and was taken out.
        masked: how many secrets and personal data, by kind, the model did not see and the answer has again.
        redacted: how many it did not see that are gone for good: a placeholder stands in their place.
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
