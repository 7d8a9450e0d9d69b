"""The wire format, strictly: no unknown fields, no coercion. Limits that a policy sets are checked after these."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator


class Strict(BaseModel):
    """Base of every body that we accept."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


Person = Annotated[str, StringConstraints(min_length=1, max_length=1024)]


class MessageBody(Strict):
    """One message of a conversation. ``kind`` says what a user's message holds, so that it is judged as such."""

    role: Literal["system", "user", "assistant"]
    content: Annotated[str, StringConstraints(min_length=1)]
    kind: Literal["prompt", "document", "tool_output"] = Field(
        default="prompt",
        description="With the role 'user' only: the origin of text by others, which decides its screening.",
    )


class InferenceBody(Strict):
    """A request for a model's answer: either ``prompt`` or ``messages``."""

    model: Annotated[str, StringConstraints(min_length=1, max_length=64)] = Field(examples=["smollm2"])
    prompt: Annotated[str, StringConstraints(min_length=1)] | None = Field(
        default=None, examples=["Say hello in one short sentence."]
    )
    messages: Annotated[list[MessageBody], Field(min_length=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.7
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    metadata: dict[str, str] | None = None

    @model_validator(mode="before")
    @classmethod
    def _present_means_given(cls, body: Any) -> Any:  # noqa: ANN401 - any JSON
        """A field is left out or given; null is no value of any of them."""
        if isinstance(body, dict):
            for name, value in body.items():
                if value is None and name in cls.model_fields:
                    raise NullField(name)
        return body


class NullField(ValueError):
    """A field is null."""

    def __init__(self, field: str) -> None:
        super().__init__("must not be null")
        self.field = field


class PredictBody(Strict):
    """The tutorial's own request."""

    prompt: Annotated[str, StringConstraints(min_length=1, max_length=1024)] = Field(
        examples=["Say hello in one short sentence."]
    )
    temperature: Annotated[float, Field(ge=0, le=2)] = 0.7


class PayloadsBody(Strict):
    """``temporal.api.common.v1.Payloads`` in proto JSON. Bytes, metadata's included, are base64."""

    payloads: list[Any] = Field(
        default=[], examples=[[{"metadata": {"encoding": "anNvbi9wbGFpbg=="}, "data": "IkhlbGxvIg=="}]]
    )


class ErasureBody(Strict):
    """Whom to forget: the ``sub`` of their tokens, or the name that they have as an end user."""

    subject: Person


class HoldRequest(Strict):
    """What to hold: the records of one person, or all of the tenant's; and why."""

    subject: Person | None = None
    tenant_wide: Literal[True] | None = None
    reason: Annotated[str, StringConstraints(min_length=1, max_length=2000)]

    @model_validator(mode="after")
    def _one_of_two(self) -> "HoldRequest":
        if (self.subject is None) == (self.tenant_wide is None):
            raise UnclearHold
        return self


class UnclearHold(ValueError):
    """Nobody is held, or both a person and everybody."""

    def __init__(self) -> None:
        super().__init__("give either 'subject' or 'tenant_wide'")
        self.field = "subject"


class TicketRequest(Strict):
    """A way into Temporal's UI for a browser; to one run, if it is named."""

    run: Annotated[str, StringConstraints(max_length=128)] | None = None


class TicketBody(BaseModel):
    """Where to send the browser, relative to this API, and how long (s) that and the session are good for."""

    location: str
    expires_in: int
    session_seconds: int


class FindingBody(BaseModel):
    """Where a rule of the screening matched: code points of a message, as it was sent."""

    rule: str
    message: int
    start: int
    end: int


class ProblemBody(BaseModel):
    """RFC 9457 problem details. ``run`` is the run's body where there is a run."""

    type: str = Field(examples=["urn:assay:problem:prompt-blocked"])
    title: str
    status: int
    detail: str
    field: str | None = None
    rules: list[str] | None = None
    findings: list[FindingBody] | None = None
    run: "RunBody | None" = None


class AnswerBody(BaseModel):
    """What the model said."""

    content: str
    model: str
    finish_reason: str


class UsageBody(BaseModel):
    """Tokens charged."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    estimated: bool = False


class ReceiptBody(BaseModel):
    """Proof that the outcome was recorded before the answer was given."""

    event_id: str
    record_digest: str
    statement: str
    openings: dict[str, str]
    proof: str | None = None


class RunProblemBody(BaseModel):
    """Why a run has no answer."""

    type: str
    detail: str
    field: str | None = None
    rules: list[str] | None = None
    findings: list[FindingBody] | None = None


class RunBody(BaseModel):
    """A run, as it stands."""

    id: str
    status: Literal["running", "held", "completed", "blocked", "refused", "failed", "cancelled"]
    decision: Literal["allow", "review", "block"] | None = None
    result: AnswerBody | None = None
    usage: UsageBody | None = None
    removed: list[str] | None = None
    masked: dict[str, int] | None = Field(default=None, examples=[{"email": 2}])
    redacted: dict[str, int] | None = Field(default=None, examples=[{"api_key": 1}])
    receipt: ReceiptBody | None = None
    problem: RunProblemBody | None = None


class PredictResult(BaseModel):
    """The tutorial's own response, with the receipt."""

    result: str
    id: str
    model: str
    usage: UsageBody | None = None
    receipt: ReceiptBody | None = None


class TokenBody(BaseModel):
    """RFC 6749 section 5.1."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the name of a scheme, no secret
    expires_in: int
    scope: str
