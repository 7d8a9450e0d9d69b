"""Request for a model's answer, and the limits that a policy sets."""

from dataclasses import dataclass, field
from enum import StrEnum

from domain.inference.content import UNLESS_SET, Message


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call. ``parameters`` is its JSON Schema, as JSON text."""

    name: str
    parameters: str = "{}"
    description: str | None = field(default=None, metadata=UNLESS_SET)
    strict: bool = field(default=False, metadata=UNLESS_SET)


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


@dataclass(frozen=True, slots=True)
class InferenceRequest:
    """A valid request. Token counts are the model's tokens; ``temperature`` is 0 to 2, ``top_p`` 0 to 1.

    ``one_tool_call`` asks for at most one tool call in an answer. ``metadata`` is kept with the
    request and never sent to a model.
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


def bare_request(*messages: Message) -> InferenceRequest:
    """A request of messages alone, to judge texts that no caller sent to a model."""
    return InferenceRequest("", messages, 0.0, 0)
