"""Request for a model's answer, typed, and the hash that binds a start to it. Pure: workflows import it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from assay_temporal.errors import InvalidCall


@dataclass(frozen=True)
class ChatMessage:
    """A message of a conversation.

    ``content`` is a text, or a list of parts as JSON objects, each with its ``type``: ``text``, ``document``,
    ``attachment``, ``image_address``, ``refusal``, ``tool_call``, ``tool_result`` or ``opaque``. ``kind`` is the
    origin of a user message's text: text by others (``document``, ``tool_output``) is screened as such. A prompt by
    default.
    """

    role: Literal["system", "user", "assistant", "tool"]
    content: str | Sequence[Mapping[str, Any]]
    kind: Literal["prompt", "document", "tool_output"] | None = None

    def body(self) -> dict[str, Any]:
        """Return the JSON object of the message."""
        content = self.content if isinstance(self.content, str) else [dict(part) for part in self.content]
        body: dict[str, Any] = {"role": self.role, "content": content}
        return body if self.kind is None else {**body, "kind": self.kind}


@dataclass(frozen=True)
class InferenceCall:
    """A request to a model. Assay's policy decides on it; a refusal is a result, not an error.

    Attributes:
        model: an alias of the policy's.
        prompt: a single question; or else messages: a conversation.
        temperature: 0 to 2; by default the policy's.
        max_tokens: maximum tokens of the answer; by default the policy's.
        metadata: short texts stored, encrypted, with the request.
        tools: functions that the model may call: objects of ``name``, ``description``, ``parameters``, ``strict``.
        tool_choice: ``{"use": "auto" | "none" | "required"}``, or ``{"use": "named", "name": ...}``.
        one_tool_call: True for at most one tool call in an answer.
        response_format: ``{"form": "json_object"}``, or ``{"form": "json_schema", "name": ..., "schema": ...}``.
        stop: texts that end the answer.
        top_p: probability mass to sample from, 0 to 1.
        seed: of the sampling.
        response: what Assay's responses API keeps with a run; for others without use.
        top_k: number of likeliest tokens to sample from.
        frequency_penalty: -2 to 2, a hint as all that follow.
        presence_penalty: -2 to 2.
        logit_bias: -100 to 100, by IDs of tokens.
        reasoning: object of ``effort``, ``mode``, ``budget_tokens``, ``summary``, ``sealed``.
        verbosity: ``low``, ``medium`` or ``high``.
        end_user: identifier of your user. Providers receive a keyed hash, where the policy says so.
        cache_key: name of prompts with a common beginning. Providers receive a hash bound to the tenant.
    """

    model: str
    prompt: str | None = None
    messages: Sequence[ChatMessage] | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    metadata: Mapping[str, str] | None = None
    tools: Sequence[Mapping[str, Any]] | None = None
    tool_choice: Mapping[str, Any] | None = None
    one_tool_call: bool | None = None
    response_format: Mapping[str, Any] | None = None
    stop: Sequence[str] | None = None
    top_p: float | None = None
    seed: int | None = None
    response: Mapping[str, Any] | None = None
    top_k: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    logit_bias: Mapping[str, float] | None = None
    reasoning: Mapping[str, Any] | None = None
    verbosity: Literal["low", "medium", "high"] | None = None
    end_user: str | None = None
    cache_key: str | None = None

    def body(self) -> dict[str, Any]:
        """Return the JSON object accepted by ``POST /v1/inferences``."""
        messages = None
        if self.messages is not None:
            messages = [message.body() for message in self.messages]
        metadata = dict(self.metadata) if self.metadata is not None else None
        fields = {
            "model": self.model,
            "prompt": self.prompt,
            "messages": messages,
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "metadata": metadata,
            "tools": None if self.tools is None else [dict(tool) for tool in self.tools],
            "tool_choice": None if self.tool_choice is None else dict(self.tool_choice),
            "one_tool_call": self.one_tool_call,
            "response_format": None if self.response_format is None else dict(self.response_format),
            "stop": None if self.stop is None else list(self.stop),
            "top_p": self.top_p,
            "seed": self.seed,
            "response": None if self.response is None else dict(self.response),
            "top_k": self.top_k,
            "frequency_penalty": self.frequency_penalty,
            "presence_penalty": self.presence_penalty,
            "logit_bias": None if self.logit_bias is None else dict(self.logit_bias),
            "reasoning": None if self.reasoning is None else dict(self.reasoning),
            "verbosity": self.verbosity,
            "end_user": self.end_user,
            "cache_key": self.cache_key,
        }
        return {name: value for name, value in fields.items() if value is not None}


def request_hash(body: Mapping[str, Any]) -> str:
    """Return SHA-256, hexadecimal, of a body's canonical JSON: sorted names, no spaces, UTF-8. Assay computes the same.

    Raises:
        InvalidCall: the body is not JSON: it contains NaN, an unpaired surrogate, or a type that JSON lacks.
    """
    try:
        text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()
    except (TypeError, ValueError, RecursionError):
        raise InvalidCall from None
