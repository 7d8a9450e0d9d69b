"""Kinds of refusals and faults, by name. Statuses are defined at the edges.

``api/problems.py`` maps a kind to an RFC 9457 problem and ``activities/failures.py`` to a Temporal failure; one test
covers every kind at both.
"""

from enum import Enum, StrEnum


class Nature(Enum):
    """Cause of a kind."""

    CALLER = "caller"  # the caller has to change something
    POLICY = "policy"  # a guard decided; a retry changes nothing
    LIMIT = "limit"  # a budget is exhausted for a while, or something is not available yet
    FAULT = "fault"  # a fault of Assay or of the provider


class Kind(StrEnum):
    """A kind of refusal. The value is stable: it ends the problem type ``urn:assay:problem:<value>``."""

    # the edge
    MISSING_TOKEN = "missing-token"
    INVALID_TOKEN = "invalid-token"
    EXPIRED_TOKEN = "expired-token"
    FORBIDDEN = "forbidden"
    INVALID_CLIENT = "invalid-client"
    UNSUPPORTED_GRANT = "unsupported-grant"
    NOT_FOUND = "not-found"
    METHOD_NOT_ALLOWED = "method-not-allowed"
    MALFORMED_BODY = "malformed-body"
    UNSUPPORTED_MEDIA = "unsupported-media"
    BODY_TOO_LARGE = "body-too-large"
    HEADERS_TOO_LARGE = "headers-too-large"
    URL_TOO_LONG = "url-too-long"
    REQUEST_TIMEOUT = "request-timeout"
    SERVER_BUSY = "server-busy"
    RATE_LIMITED = "rate-limited"
    IDEMPOTENCY_MISMATCH = "idempotency-mismatch"
    # the request itself
    INVALID_REQUEST = "invalid-request"
    UNKNOWN_MODEL = "unknown-model"
    CONTEXT_EXCEEDED = "context-exceeded"
    UNSUPPORTED_CONTENT = "unsupported-content"
    # the signed start
    INVALID_CONTEXT = "invalid-context"
    EXPIRED_CONTEXT = "expired-context"
    UNKNOWN_POLICY = "unknown-policy"
    UNPROVEN_STAGE = "unproven-stage"
    # payloads
    UNAUTHENTICATED_PAYLOAD = "unauthenticated-payload"
    # the audit log
    NOT_SEALED = "not-sealed"
    # verdicts
    PROMPT_BLOCKED = "prompt-blocked"
    SENSITIVE_DATA_BLOCKED = "sensitive-data-blocked"
    OUTPUT_BLOCKED = "output-blocked"
    REVIEW_UNAVAILABLE = "review-unavailable"
    PROVIDER_FILTERED = "provider-filtered"
    SCREENING_UNAVAILABLE = "screening-unavailable"
    # budgets
    QUOTA_SPENT = "quota-spent"
    # one run of a workflow ID
    ALREADY_ADMITTED = "already-admitted"
    ALREADY_RECORDED = "already-recorded"
    NOT_ADMITTED = "not-admitted"
    # erasure and legal hold
    LEGAL_HOLD = "legal-hold"
    DUAL_CONTROL_NEEDED = "second-person-needed"
    # the provider
    PROVIDER_UNAVAILABLE = "provider-unavailable"
    PROVIDER_TIMEOUT = "provider-timeout"
    PROVIDER_RATE_LIMITED = "provider-rate-limited"
    PROVIDER_REJECTED = "provider-rejected"
    PROVIDER_GARBLED = "provider-garbled"
    UNREQUESTED_TOOL_CALL = "unrequested-tool-call"
    # Assay's own parts
    STORE_UNAVAILABLE = "store-unavailable"
    VAULT_UNAVAILABLE = "vault-unavailable"
    ENGINE_UNAVAILABLE = "engine-unavailable"
    RUN_CANCELLED = "run-cancelled"
    RUN_TERMINATED = "run-terminated"
    INTERNAL = "internal"

    @property
    def nature(self) -> Nature:
        """Return the nature of its cause. Every kind has exactly one."""
        return _NATURES[self]


_NATURES: dict[Kind, Nature] = {
    **dict.fromkeys(Kind, Nature.CALLER),
    **dict.fromkeys(
        (
            Kind.PROMPT_BLOCKED,
            Kind.SENSITIVE_DATA_BLOCKED,
            Kind.OUTPUT_BLOCKED,
            Kind.REVIEW_UNAVAILABLE,
            Kind.PROVIDER_FILTERED,
            Kind.UNKNOWN_POLICY,
            Kind.LEGAL_HOLD,
        ),
        Nature.POLICY,
    ),
    **dict.fromkeys((Kind.RATE_LIMITED, Kind.QUOTA_SPENT, Kind.NOT_SEALED), Nature.LIMIT),
    **dict.fromkeys(
        (
            Kind.SERVER_BUSY,
            Kind.NOT_ADMITTED,
            Kind.UNPROVEN_STAGE,
            Kind.SCREENING_UNAVAILABLE,
            Kind.PROVIDER_UNAVAILABLE,
            Kind.PROVIDER_TIMEOUT,
            Kind.PROVIDER_RATE_LIMITED,
            Kind.PROVIDER_REJECTED,
            Kind.PROVIDER_GARBLED,
            Kind.UNREQUESTED_TOOL_CALL,
            Kind.STORE_UNAVAILABLE,
            Kind.VAULT_UNAVAILABLE,
            Kind.ENGINE_UNAVAILABLE,
            Kind.RUN_TERMINATED,
            Kind.INTERNAL,
        ),
        Nature.FAULT,
    ),
}


class Refusal(Exception):
    """A request is refused, or can't be served.

    Attributes:
        kind: its kind.
        detail: one sentence for the caller. Never a secret, a prompt, or another caller's data.
        field: the invalid field, in dotted form (``messages.0.content``), if any.
        retry_after: seconds after which a retry may succeed, if known.
    """

    def __init__(self, kind: Kind, detail: str, *, field: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(f"{kind}: {detail}" if field is None else f"{kind}: {field}: {detail}")
        self.kind = kind
        self.detail = detail
        self.field = field
        self.retry_after = retry_after
