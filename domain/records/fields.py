"""Open fields by kind of event: an allow-list, since what has no field here is not recorded.

Open fields are readable by everyone who reads the table: none is personal, none quotes a prompt or an answer. Digests
and content MACs of records cover their names and values, as the canonical JSON of those that are set: neither None nor
an empty tuple. A field may be added with such a default; another name for one would break repeats.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenedFields:
    """Fields that an admission and an outcome have in common.

    Attributes:
        caller: a keyed hash of the principal; None where the start proved none.
        roles: the principal's roles.
        model: the model asked for, or the one that answered.
        policy: the content hash of the policy that the run is pinned to.
        decision: the verdict's.
        rules: rules that matched, each once a verdict.
        places: the matches in the messages, as ``rule@message:start-end`` in code points.
        monitored: the decision that was not enforced: in monitor mode, or a review without reviewers.
        score: the highest of the verdicts', 0 to 1.
        detectors: detectors with their states, as ``rules:scored``.
        removed: names of hidden content that sanitising removed.
        masked: values by kind that the model did not see and the answer has again.
        redacted: values by kind that the model did not see and that are gone.
        prompt_commitment: a salted hash of the request as it was sent.
        earlier_attempt: the workflow ID of the run before, of the same idempotency key.
        key: the ID of the API key that the run was submitted with.
        carriers: for each carrier of text the number of items and the severest decision, as ``user:3:allow``, or the
            reason why none was scanned, as ``image:1:not_scanned:unreadable``; those of the answer begin ``answer.``.
        ignored: names of fields and tools of the client's format that a translator dropped.
    """

    caller: str | None = None
    roles: tuple[str, ...] = ()
    model: str | None = None
    policy: str | None = None
    decision: str | None = None
    rules: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    monitored: str | None = None
    score: float | None = None
    detectors: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    masked: Mapping[str, int] | None = None
    redacted: Mapping[str, int] | None = None
    prompt_commitment: str | None = None
    earlier_attempt: str | None = None
    key: str | None = None
    carriers: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AdmittedFields(ScreenedFields):
    """Fields of an admission. ``reserved_tokens`` is the reservation made with it."""

    reserved_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeFields(ScreenedFields):
    """Fields of an outcome: what is known of the run by then, which may be nothing.

    Attributes:
        refusal: the kind of refusal, where the run has no answer.
        prompt_tokens: tokens charged for the prompt.
        completion_tokens: tokens charged for the answer.
        usage_estimated: whether the tokens are an estimate, since the provider gave no count, or an impossible one.
        usage_claimed: the total that the provider reported, where it was impossible for this call.
        attempts_lost: calls that may have been paid for and gave no answer.
        attempts_lost_tokens: tokens charged for them: as reported, else the most that each can have used.
        answer_commitment: a salted hash of the answer.
    """

    refusal: str | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    usage_estimated: bool | None = None
    usage_claimed: int | None = None
    attempts_lost: int | None = None
    attempts_lost_tokens: int | None = None
    answer_commitment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeRefusalFields:
    """Fields of one refusal at the edge. ``route`` is a template, ``status`` HTTP's."""

    caller: str | None
    roles: tuple[str, ...]
    refusal: str
    method: str
    route: str
    status: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalSummaryFields:
    """Fields of ``count`` refusals that are alike, from ``first_at`` to ``last_at`` (RFC 3339)."""

    caller: str | None
    refusal: str
    route: str
    status: int | None
    count: int
    first_at: str
    last_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRefusalFields:
    """Fields of a stage that was scheduled without proof. ``workflow`` is the workflow's ID as the engine states it."""

    refusal: str
    stage: str
    workflow: str | None = None
    run: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DropFields:
    """Fields of ``count`` refusals that went unrecorded: ``rules`` has the reason, ``decision`` is ``dropped``."""

    decision: str
    rules: tuple[str, ...]
    count: int
    first_at: str
    last_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessFields:
    """Fields of access to payloads in plaintext: a payload decoded (without roles), a browser session opened."""

    caller: str
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingFields:
    """Fields of a reading or an export of the log: ``count`` records, and the names of the ``filters`` set."""

    caller: str
    roles: tuple[str, ...]
    filters: tuple[str, ...]
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureFields:
    """Fields of an erasure. ``about`` is the keyed hash of the data subject."""

    caller: str
    about: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantErasureFields:
    """Fields of a tenant's erasure by an operator."""

    roles: tuple[str, ...]
    about_tenant: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldFields:
    """Fields of a legal hold. ``about`` is the keyed hash of the data subject; None for the whole tenant."""

    caller: str
    about: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldReleaseFields:
    """Fields of a step towards a hold's release: ``hold`` is its ID, ``decision`` its state after the step."""

    caller: str
    decision: str
    hold: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveFields:
    """Fields of a month that went into a file, or came back: the log's tenant, the month, rows, the file's SHA-256."""

    log: str
    month: str
    rows: int
    file_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyChangedFields:
    """Fields of a change of the current policy, by content hashes. Before the first there was none.

    ``login`` is the database login that made the change: Vault's audit log has who was given it.
    """

    policy: str
    policy_before: str | None
    login: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyFields:
    """Fields of an API key that was made, rotated or revoked. IDs of keys are no secrets.

    Attributes:
        caller: who did it: a keyed hash.
        roles: the roles of who did it.
        key: the ID of the key that was made or revoked.
        key_before: the ID of the key that it replaces.
        expires_at: when the new key expires, in UTC (RFC 3339).
    """

    caller: str
    roles: tuple[str, ...]
    key: str
    key_before: str | None = None
    expires_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoFields:
    """No open fields: of kinds that the log takes and that nothing records yet."""


EventFields = (
    AdmittedFields
    | OutcomeFields
    | EdgeRefusalFields
    | RefusalSummaryFields
    | StageRefusalFields
    | DropFields
    | AccessFields
    | ReadingFields
    | ErasureFields
    | TenantErasureFields
    | HoldFields
    | HoldReleaseFields
    | ArchiveFields
    | PolicyChangedFields
    | ApiKeyFields
    | NoFields
)


def open_fields(of: EventFields) -> dict[str, Any]:
    """The open fields that are set, ready for JSON."""
    named = ((field.name, getattr(of, field.name)) for field in fields(of))  # ``asdict`` would copy every value
    return {name: value for name, value in named if value is not None and value != ()}
