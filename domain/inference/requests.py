"""Request for a model's answer, and the limits that a policy sets."""

from dataclasses import dataclass, field
from enum import StrEnum

from domain.inference.content import UNLESS_SET, CacheTime, Message


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call. ``parameters`` is its JSON Schema, as JSON text."""

    name: str
    parameters: str = "{}"
    description: str | None = field(default=None, metadata=UNLESS_SET)
    strict: bool = field(default=False, metadata=UNLESS_SET)
    cache: CacheTime | None = field(default=None, metadata=UNLESS_SET)


class ToolUse(StrEnum):
    """Use of tools by the model: optional, forbidden or required; ``NAMED`` requires one tool."""

    AUTO = "auto"
    NONE = "none"
    REQUIRED = "required"
    NAMED = "named"


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """Tools for the model to call. ``name`` is set with ``NAMED`` alone."""

    use: ToolUse
    name: str | None = field(default=None, metadata=UNLESS_SET)


class AnswerForm(StrEnum):
    """The form of an answer: a text, any JSON object, or JSON of a schema."""

    TEXT = "text"
    JSON_OBJECT = "json_object"
    JSON_SCHEMA = "json_schema"


@dataclass(frozen=True, slots=True)
class ResponseFormat:
    """The form that the answer has to have. All but ``form`` goes with ``JSON_SCHEMA``.

    ``schema`` is JSON text, its members in the order sent.
    """

    form: AnswerForm
    name: str | None = field(default=None, metadata=UNLESS_SET)
    description: str | None = field(default=None, metadata=UNLESS_SET)
    schema: str | None = field(default=None, metadata=UNLESS_SET)
    strict: bool = field(default=False, metadata=UNLESS_SET)


class Effort(StrEnum):
    """Effort of a model's reasoning, in the formats' common words."""

    NONE = "none"
    MINIMAL = "minimal"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    XHIGH = "xhigh"
    MAX = "max"


class ReasoningMode(StrEnum):
    """Reasoning on demand: switched on, off, or at the model's discretion."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    ADAPTIVE = "adaptive"


class ReasoningSummary(StrEnum):
    """Length of the readable summary of a model's reasoning."""

    AUTO = "auto"
    CONCISE = "concise"
    DETAILED = "detailed"


class Verbosity(StrEnum):
    """Length of an answer."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Reasoning:
    """Wishes about a model's reasoning: hints, for formats and models that have them.

    Attributes:
        budget_tokens: most tokens of it.
        sealed: asks for its encrypted form, to be sent back.
    """

    effort: Effort | None = field(default=None, metadata=UNLESS_SET)
    mode: ReasoningMode | None = field(default=None, metadata=UNLESS_SET)
    budget_tokens: int | None = field(default=None, metadata=UNLESS_SET)
    summary: ReasoningSummary | None = field(default=None, metadata=UNLESS_SET)
    sealed: bool = field(default=False, metadata=UNLESS_SET)


@dataclass(frozen=True, slots=True)
class InferenceRequest:
    """A valid request. Token counts are the model's tokens; ``temperature`` is 0 to 2, ``top_p`` 0 to 1.

    Attributes:
        metadata: kept with the request and never sent to a model.
        one_tool_call: asks for at most one tool call in an answer.
        top_k: number of likeliest tokens that the sampling chooses from.
        frequency_penalty: -2 to 2.
        presence_penalty: -2 to 2.
        logit_bias: by token IDs of the model's vocabulary, -100 to 100.
        end_user: the caller's identifier of its user. No provider receives it, but a keyed hash.
        cache_key: the caller's name of a shared beginning. No provider receives it, but a hash bound to the tenant.
        ignored: names of what a translator dropped, for the record.
    """

    model: str
    messages: tuple[Message, ...]
    temperature: float
    max_tokens: int
    metadata: tuple[tuple[str, str], ...] = ()
    tools: tuple[Tool, ...] = field(default=(), metadata=UNLESS_SET)
    tool_choice: ToolChoice | None = field(default=None, metadata=UNLESS_SET)
    response_format: ResponseFormat | None = field(default=None, metadata=UNLESS_SET)
    stop: tuple[str, ...] = field(default=(), metadata=UNLESS_SET)
    top_p: float | None = field(default=None, metadata=UNLESS_SET)
    seed: int | None = field(default=None, metadata=UNLESS_SET)
    one_tool_call: bool = field(default=False, metadata=UNLESS_SET)
    top_k: int | None = field(default=None, metadata=UNLESS_SET)
    frequency_penalty: float | None = field(default=None, metadata=UNLESS_SET)
    presence_penalty: float | None = field(default=None, metadata=UNLESS_SET)
    logit_bias: tuple[tuple[str, float], ...] = field(default=(), metadata=UNLESS_SET)
    reasoning: Reasoning | None = field(default=None, metadata=UNLESS_SET)
    verbosity: Verbosity | None = field(default=None, metadata=UNLESS_SET)
    end_user: str | None = field(default=None, metadata=UNLESS_SET)
    cache_key: str | None = field(default=None, metadata=UNLESS_SET)
    ignored: tuple[str, ...] = field(default=(), metadata=UNLESS_SET)


@dataclass(frozen=True, slots=True)
class ContentLimits:
    """A policy's limits of content beyond text. The defaults are those of policies without the section.

    Attributes:
        images: most images of a request; 0 for none.
        image_bytes: most bytes of one.
        image_addresses: images by address are forwarded; Assay fetches none.
    """

    images: int = 0
    image_bytes: int = 5 * 1024 * 1024
    image_addresses: bool = False


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """A policy's limits of a request. Lengths are Unicode code points."""

    max_prompt_chars: int
    max_messages: int
    max_tokens: int
    default_max_tokens: int
    default_temperature: float = 0.7
    max_metadata_entries: int = 16
    max_metadata_chars: int = 256
    content: ContentLimits = field(default_factory=ContentLimits)


def bare_request(*messages: Message) -> InferenceRequest:
    """A request of messages alone, to judge texts that no caller sent to a model."""
    return InferenceRequest("", messages, 0.0, 0)
