"""Wire format, validated strictly: no unknown fields, no coercion. Policy limits are checked afterwards."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator


class Strict(BaseModel):
    """Base of every accepted body."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


Person = Annotated[str, StringConstraints(min_length=1, max_length=1024)]


class PredictBody(Strict):
    """Request of the tutorial's endpoint."""

    prompt: Annotated[str, StringConstraints(min_length=1, max_length=1024)] = Field(
        examples=["Say hello in one short sentence."]
    )
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.7


class PayloadsBody(Strict):
    """``temporal.api.common.v1.Payloads`` in proto JSON. All bytes, metadata included, are base64."""

    payloads: list[Any] = Field(
        default=[], examples=[[{"metadata": {"encoding": "anNvbi9wbGFpbg=="}, "data": "IkhlbGxvIg=="}]]
    )


class ErasureBody(Strict):
    """Data subject to erase: the ``sub`` of their tokens, or their name as an end user."""

    subject: Person


class HoldRequest(Strict):
    """Scope and reason of a legal hold: records of one data subject, or all of the tenant."""

    subject: Person | None = None
    tenant_wide: Literal[True] | None = None
    reason: Annotated[str, StringConstraints(min_length=1, max_length=2000)]

    @model_validator(mode="after")
    def _one_of_two(self) -> "HoldRequest":
        if (self.subject is None) == (self.tenant_wide is None):
            raise UnclearHold
        return self


class UnclearHold(ValueError):
    """Neither or both of 'subject' and 'tenant_wide' were given."""

    def __init__(self) -> None:
        super().__init__("give either 'subject' or 'tenant_wide'")
        self.field = "subject"


class TicketRequest(Strict):
    """Request for a browser session in Temporal's UI; for one run, if named."""

    run: Annotated[str, StringConstraints(max_length=128)] | None = None


class TicketBody(BaseModel):
    """Address to open, relative to this API, and lifetimes (s) of ticket and session."""

    location: str
    expires_in: int
    session_seconds: int


class FindingBody(BaseModel):
    """Match of a screening rule: code points of a text as sent. ``part`` and ``field``: only for content in parts."""

    rule: str
    message: int | None
    start: int
    end: int
    part: int | None = None
    field: str | None = None


class ProblemBody(BaseModel):
    """RFC 9457 problem details. ``run`` is the run's body, if there is a run."""

    type: str = Field(examples=["urn:assay:problem:prompt-blocked"])
    title: str
    status: int
    detail: str
    field: str | None = None
    rules: list[str] | None = None
    findings: list[FindingBody] | None = None
    run: "RunBody | None" = None


class AnswerBody(BaseModel):
    """Answer of the model. ``parts``: only for an answer that is more than a text."""

    content: str
    model: str
    finish_reason: str
    parts: list[dict[str, Any]] | None = None


class UsageBody(BaseModel):
    """Tokens charged. Those of a provider's cache and of reasoning are part of them, and given if there are some."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    estimated: bool = False
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None


class ReceiptBody(BaseModel):
    """Signed proof that the outcome was recorded before the answer was returned."""

    event_id: str
    record_digest: str
    statement: str
    openings: dict[str, str]
    proof: str | None = None


class RunProblemBody(BaseModel):
    """Reason why a run has no answer."""

    type: str
    detail: str
    field: str | None = None
    rules: list[str] | None = None
    findings: list[FindingBody] | None = None


class RunBody(BaseModel):
    """Current state of a run."""

    id: str
    status: Literal["running", "held", "completed", "blocked", "refused", "failed", "cancelled"]
    decision: Literal["allow", "review", "block"] | None = None
    result: AnswerBody | None = None
    usage: UsageBody | None = None
    removed: list[str] | None = None
    masked: dict[str, int] | None = Field(default=None, examples=[{"email": 2}])
    redacted: dict[str, int] | None = Field(default=None, examples=[{"api_key": 1}])
    shown_as_text: int | None = Field(
        default=None, description="Places of the answer with content of unknown hosts, shown as text", examples=[1]
    )
    receipt: ReceiptBody | None = None
    problem: RunProblemBody | None = None
    earlier_attempt: str | None = Field(
        default=None,
        description="The run before of the same `Idempotency-Key`, which ended in a passing fault",
    )


class PredictResult(BaseModel):
    """Response of the tutorial's endpoint, with the receipt."""

    result: str
    parts: list[dict[str, Any]] | None = None
    id: str
    model: str
    usage: UsageBody | None = None
    receipt: ReceiptBody | None = None


class TokenBody(BaseModel):
    """Token response (RFC 6749 section 5.1)."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the name of a scheme, no secret
    expires_in: int
    scope: str
