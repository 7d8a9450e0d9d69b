"""Request for a model's answer: form, limits, and canonical form.

The same function parses a request at the HTTP edge and in the workflow's first stage, so a request that reaches the
workflow by another path gets the same refusals.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from domain.refusals import Kind, Refusal


class Speaker(StrEnum):
    """Roles of a message's author."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


class TextKind(StrEnum):
    """Origin of a message's text, for screening: the same words differ in meaning between a prompt and a document."""

    PROMPT = "prompt"
    DOCUMENT = "document"
    TOOL_OUTPUT = "tool_output"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a conversation. ``kind`` is the sender's statement of its origin, if any: use ``text_kind``."""

    role: Speaker
    content: str
    kind: TextKind | None = None

    @property
    def text_kind(self) -> TextKind:
        """Return the kind of text: as stated by the sender, or else by the role."""
        return self.kind or (TextKind.SYSTEM if self.role is Speaker.SYSTEM else TextKind.PROMPT)


@dataclass(frozen=True, slots=True)
class InferenceRequest:
    """A valid request. Token counts are the model's tokens; ``temperature`` is 0 to 2."""

    model: str
    messages: tuple[Message, ...]
    temperature: float
    max_tokens: int
    metadata: tuple[tuple[str, str], ...] = ()


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


_FIELDS = frozenset({"model", "prompt", "messages", "temperature", "max_tokens", "metadata"})
_MAX_TEMPERATURE = 2.0
_MAX_MODEL_CHARS = 64
_SPEAKERS = frozenset(speaker.value for speaker in Speaker)
_SENT_KINDS = (TextKind.PROMPT, TextKind.DOCUMENT, TextKind.TOOL_OUTPUT)


def _wrong(field: str, detail: str) -> Refusal:
    return Refusal(Kind.INVALID_REQUEST, detail, field=field)


def _text(value: object, field: str) -> str:
    if not isinstance(value, str):
        raise _wrong(field, "must be a string")
    if any("\ud800" <= char <= "\udfff" for char in value):
        raise _wrong(field, "must not contain unpaired surrogates")
    return value


def _messages(body: Mapping[str, Any], limits: RequestLimits) -> tuple[Message, ...]:
    if ("prompt" in body) == ("messages" in body):
        raise _wrong("prompt", "give either 'prompt' or 'messages'")
    if "prompt" in body:
        prompt = _text(body["prompt"], "prompt")
        if not prompt.strip():
            raise _wrong("prompt", "must not be empty")
        if len(prompt) > limits.max_prompt_chars:
            raise _wrong("prompt", f"must have at most {limits.max_prompt_chars} characters")
        return (Message(Speaker.USER, prompt),)
    return _conversation(body["messages"], limits)


def _conversation(value: object, limits: RequestLimits) -> tuple[Message, ...]:
    if not isinstance(value, list | tuple):
        raise _wrong("messages", "must be a list")
    if not 1 <= len(value) <= limits.max_messages:
        raise _wrong("messages", f"must have 1 to {limits.max_messages} entries")
    messages = tuple(_message(item, f"messages.{index}") for index, item in enumerate(value))
    if sum(len(message.content) for message in messages) > limits.max_prompt_chars:
        raise _wrong("messages", f"must have at most {limits.max_prompt_chars} characters in all")
    if not any(message.role is Speaker.USER for message in messages):
        raise _wrong("messages", "must contain a message with the role 'user'")
    return messages


def _message(item: object, field: str) -> Message:
    if not isinstance(item, Mapping):
        raise _wrong(field, "must be an object")
    for name in item:
        if name not in ("role", "content", "kind"):
            raise _wrong(_inner(field, name), "is unknown")
    role = _text(item.get("role"), f"{field}.role")
    if role not in _SPEAKERS:
        raise _wrong(f"{field}.role", "must be 'system', 'user' or 'assistant'")
    content = _text(item.get("content"), f"{field}.content")
    if not content.strip():
        raise _wrong(f"{field}.content", "must not be empty")
    return Message(Speaker(role), content, _kind(item, field))


def _kind(item: Mapping[str, Any], field: str) -> TextKind | None:
    """Parse a message's kind. Used for screening; never sent to the model."""
    if "kind" not in item:
        return None
    kind = _text(item["kind"], f"{field}.kind")
    if kind not in _SENT_KINDS:
        raise _wrong(f"{field}.kind", "must be 'prompt', 'document' or 'tool_output'")
    if item["role"] != Speaker.USER:
        raise _wrong(f"{field}.kind", "is allowed only with the role 'user'")
    return TextKind(kind)


def _inner(field: str, name: object) -> str:
    """Name an unknown member without returning a possible secret: short plain names only."""
    plain = isinstance(name, str) and name.isascii() and name.isidentifier() and len(name) <= _MAX_MODEL_CHARS
    return ".".join(part for part in (field, str(name) if plain else "*") if part)


def _temperature(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _wrong("temperature", "must be a number")
    if not 0 <= value <= _MAX_TEMPERATURE:
        raise _wrong("temperature", "must be from 0 to 2")
    return float(value)


def _max_tokens(value: object, limits: RequestLimits) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong("max_tokens", "must be a whole number")
    if not 1 <= value <= limits.max_tokens:
        raise _wrong("max_tokens", f"must be from 1 to {limits.max_tokens}")
    return value


def _metadata(value: object, limits: RequestLimits) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, Mapping):
        raise _wrong("metadata", "must be an object of strings")
    if len(value) > limits.max_metadata_entries:
        raise _wrong("metadata", f"must have at most {limits.max_metadata_entries} entries")
    entries: list[tuple[str, str]] = []
    for name, entry in value.items():
        field = _inner("metadata", name)
        if len(_text(name, field)) > limits.max_metadata_chars or len(_text(entry, field)) > limits.max_metadata_chars:
            raise _wrong(field, f"names and values have at most {limits.max_metadata_chars} characters")
        entries.append((name, entry))
    return tuple(sorted(entries))


def parse_request(body: object, limits: RequestLimits) -> InferenceRequest:
    """Parse a decoded JSON body.

    Raises:
        Refusal: INVALID_REQUEST with the invalid field, never its value.
    """
    if not isinstance(body, Mapping):
        raise _wrong("", "the body must be a JSON object")
    for name in body:
        if name not in _FIELDS:
            raise _wrong(_inner("", name), "is unknown")
    model = _text(body.get("model"), "model")
    if not 1 <= len(model) <= _MAX_MODEL_CHARS:
        raise _wrong("model", f"must have 1 to {_MAX_MODEL_CHARS} characters")
    return InferenceRequest(
        model=model,
        messages=_messages(body, limits),
        temperature=_temperature(body.get("temperature", limits.default_temperature)),
        max_tokens=_max_tokens(body.get("max_tokens", limits.default_max_tokens), limits),
        metadata=_metadata(body.get("metadata", {}), limits),
    )


def messages_of(body: Mapping[str, Any]) -> tuple[Message, ...]:
    """Return the messages of a body that ``parse_request`` has accepted."""
    if "prompt" in body:
        return (Message(Speaker.USER, body["prompt"]),)
    return tuple(
        Message(Speaker(item["role"]), item["content"], TextKind(item["kind"]) if "kind" in item else None)
        for item in body["messages"]
    )


def request_hash(body: object) -> str:
    """Return SHA-256, hexadecimal, of a body's canonical JSON: sorted names, no spaces, UTF-8 (as in RFC 8785, for
    these types).

    It is used only where guesses can't be confirmed: inside a MAC, or inside encrypted data.

    Raises:
        Refusal: INVALID_REQUEST if the body is not JSON (NaN, say).
    """
    try:
        text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()
    except (TypeError, ValueError, RecursionError) as error:
        raise _wrong("", "the body must be a JSON object") from error
