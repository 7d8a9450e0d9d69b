"""Arguments and results of the workflow ``GuardedInference``. Plain dataclasses of JSON values."""

from dataclasses import dataclass, field
from types import MappingProxyType
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


def _is_unset(value: object) -> bool:
    return value is None or value == ()


_UNLESS_SET: Final = MappingProxyType({"exclude_if": _is_unset})  # Assay writes such fields only when they are set

_UNLESS_COUNTED: Final = MappingProxyType({"exclude_if": lambda count: count == 0})


@dataclass(frozen=True)
class Answer:
    """Answer of the model.

    Attributes:
        content: its text.
        parts: for an answer that is more than a text, all its parts in order as JSON objects, each with its ``type``:
            ``text``, ``tool_call``, ``refusal`` or ``opaque``.
    """

    content: str
    model: str
    finish_reason: str
    parts: tuple[dict[str, Any], ...] = field(default=(), metadata=_UNLESS_SET)


@dataclass(frozen=True)
class TokenUsage:
    """Tokens spent and charged. ``estimated`` if the provider did not report them.

    Attributes:
        cached_tokens: those of the prompt that were read from the provider's cache.
        cache_write_tokens: those of the prompt that were written to it.
        reasoning_tokens: those of the completion that were reasoning.
    """

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    estimated: bool = False
    cached_tokens: int = field(default=0, metadata=_UNLESS_COUNTED)
    cache_write_tokens: int = field(default=0, metadata=_UNLESS_COUNTED)
    reasoning_tokens: int = field(default=0, metadata=_UNLESS_COUNTED)


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
    """Match of a screening rule: code points ``start`` to ``end`` of a text as sent.

    Attributes:
        message: the index of its message; None for a text outside of messages, such as a tool's description.
        part: the index of its part, where the message's content has parts.
        field: the field within, in dotted form, such as ``arguments``; None for the text of the message or the part.
    """

    rule: str
    message: int | None
    start: int
    end: int
    part: int | None = field(default=None, metadata=_UNLESS_SET)
    field: str | None = field(default=None, metadata=_UNLESS_SET)


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
    """Argument of the update ``withdraw``, which ends a run in order.

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
        shown_as_text: number of places in the answer with content that a viewer would have loaded from an unknown host,
            and that is shown as text instead. None for none.
        worker_proof: evidence for Assay's API that a worker made this result; for others without use.
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
    shown_as_text: int | None = field(default=None, metadata=_UNLESS_SET)
    worker_proof: str | None = field(default=None, metadata=_UNLESS_SET)
