"""The body of ``POST /v1/inferences``: one table of its fields, each with its reader and its JSON Schema.

The same function reads a request at the HTTP edge and in the workflow's first stage, so a request that reaches the
workflow by another way meets the same refusals. The OpenAPI description is made from the table; the SDK's calls are
held against it by a test.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from domain.inference.content import Message, Speaker, TextKind
from domain.inference.requests import InferenceRequest, RequestLimits
from domain.refusals import Kind, Refusal

_MAX_TEMPERATURE: Final = 2
_MAX_NAME_CHARS: Final = 64
_ROLES: Final = (Speaker.SYSTEM, Speaker.USER, Speaker.ASSISTANT)
_KINDS: Final = (TextKind.PROMPT, TextKind.DOCUMENT, TextKind.TOOL_OUTPUT)
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_TEXT: Final = MappingProxyType({"type": "string", "minLength": 1})
MESSAGE_SCHEMA: Final = "MessageBody"
"""Name of a message's schema in the body's schema."""


@dataclass(frozen=True, slots=True)
class BodyField:
    """A field: ``read`` takes its value, its dotted name and the limits; ``schema`` says the same without a policy."""

    read: Callable[[object, str, RequestLimits], Any]
    schema: Mapping[str, Any]


def wrong(field: str, detail: str) -> Refusal:
    """Return the refusal of a request for a field. The detail never repeats its value."""
    return Refusal(Kind.INVALID_REQUEST, detail, field=field)


def _text(value: object, field: str) -> str:
    if not isinstance(value, str):
        raise wrong(field, "must be a string")
    if _SURROGATE.search(value):
        raise wrong(field, "must not contain unpaired surrogates")
    return value


def _visible(value: object, field: str, _: RequestLimits) -> str:
    text = _text(value, field)
    if not text.strip():
        raise wrong(field, "must not be empty")
    return text


def _model(value: object, field: str, _: RequestLimits) -> str:
    model = _text(value, field)
    if not 1 <= len(model) <= _MAX_NAME_CHARS:
        raise wrong(field, f"must have 1 to {_MAX_NAME_CHARS} characters")
    return model


def _prompt(value: object, field: str, limits: RequestLimits) -> tuple[Message, ...]:
    prompt = _visible(value, field, limits)
    if len(prompt) > limits.max_prompt_chars:
        raise wrong(field, f"must have at most {limits.max_prompt_chars} characters")
    return (Message(Speaker.USER, prompt),)


def _conversation(value: object, field: str, limits: RequestLimits) -> tuple[Message, ...]:
    if not isinstance(value, list | tuple):
        raise wrong(field, "must be a list")
    if not 1 <= len(value) <= limits.max_messages:
        raise wrong(field, f"must have 1 to {limits.max_messages} entries")
    messages = tuple(_message(item, f"{field}.{index}", limits) for index, item in enumerate(value))
    if sum(len(message.content) for message in messages) > limits.max_prompt_chars:
        raise wrong(field, f"must have at most {limits.max_prompt_chars} characters in all")
    if not any(message.role is Speaker.USER for message in messages):
        raise wrong(field, "must contain a message with the role 'user'")
    return messages


def _role(value: object, field: str, _: RequestLimits) -> Speaker:
    role = _text(value, field)
    if role not in _ROLES:
        raise wrong(field, "must be 'system', 'user' or 'assistant'")
    return Speaker(role)


def _kind(value: object, field: str, _: RequestLimits) -> TextKind:
    kind = _text(value, field)
    if kind not in _KINDS:
        raise wrong(field, "must be 'prompt', 'document' or 'tool_output'")
    return TextKind(kind)


def _message(item: object, field: str, limits: RequestLimits) -> Message:
    if not isinstance(item, Mapping):
        raise wrong(field, "must be an object")
    _require_known(item, MESSAGE_FIELDS, field)
    given = {
        name: member.read(item.get(name), f"{field}.{name}", limits)
        for name, member in MESSAGE_FIELDS.items()
        if name in item or name != "kind"
    }
    if given["role"] is not Speaker.ASSISTANT and not given["content"].strip():
        raise wrong(f"{field}.content", "must not be empty")
    if "kind" in given and given["role"] is not Speaker.USER:
        raise wrong(f"{field}.kind", "is allowed only with the role 'user'")
    return Message(**given)


def _temperature(value: object, field: str, _: RequestLimits) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong(field, "must be a number")
    if not 0 <= value <= _MAX_TEMPERATURE:  # nor is NaN
        raise wrong(field, f"must be from 0 to {_MAX_TEMPERATURE}")
    return float(value)


def _max_tokens(value: object, field: str, limits: RequestLimits) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong(field, "must be a whole number")
    if not 1 <= value <= limits.max_tokens:
        raise wrong(field, f"must be from 1 to {limits.max_tokens}")
    return value


def _metadata(value: object, field: str, limits: RequestLimits) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, Mapping):
        raise wrong(field, "must be an object of strings")
    if len(value) > limits.max_metadata_entries:
        raise wrong(field, f"must have at most {limits.max_metadata_entries} entries")
    entries: list[tuple[str, str]] = []
    for name, entry in value.items():
        inner = _inner(field, name)
        if len(_text(name, inner)) > limits.max_metadata_chars or len(_text(entry, inner)) > limits.max_metadata_chars:
            raise wrong(inner, f"names and values have at most {limits.max_metadata_chars} characters")
        entries.append((name, entry))
    return tuple(sorted(entries))


MESSAGE_FIELDS: Final[Mapping[str, BodyField]] = MappingProxyType(
    {
        "role": BodyField(_role, {"type": "string", "enum": list(_ROLES)}),
        "content": BodyField(
            lambda value, field, _: _text(value, field),
            {
                "type": "string",
                "description": "Empty for the role 'assistant' alone: a model may have answered nothing.",
            },
        ),
        "kind": BodyField(
            _kind,
            {
                "type": "string",
                "enum": list(_KINDS),
                "default": TextKind.PROMPT,
                "description": "For the role 'user' alone: text that others wrote (a document, a tool's output) is "
                "screened as such.",
            },
        ),
    }
)
"""The fields of a message."""

BODY_FIELDS: Final[Mapping[str, BodyField]] = MappingProxyType(
    {
        "model": BodyField(_model, {**_TEXT, "maxLength": _MAX_NAME_CHARS, "examples": ["smollm2"]}),
        "prompt": BodyField(_prompt, {**_TEXT, "examples": ["Say hello in one short sentence."]}),
        "messages": BodyField(
            _conversation,
            {"type": "array", "items": {"$ref": f"#/components/schemas/{MESSAGE_SCHEMA}"}, "minItems": 1},
        ),
        "temperature": BodyField(
            _temperature,
            {"type": "number", "minimum": 0, "maximum": _MAX_TEMPERATURE, "description": "By default the policy's."},
        ),
        "max_tokens": BodyField(
            _max_tokens, {"type": "integer", "minimum": 1, "description": "By default the policy's."}
        ),
        "metadata": BodyField(_metadata, {"type": "object", "additionalProperties": {"type": "string"}}),
    }
)
"""The fields of the body."""


def _require_known(item: Mapping[Any, Any], known: Mapping[str, BodyField], field: str) -> None:
    for name in item:
        if name not in known:
            raise wrong(_inner(field, name), "is unknown")


def _inner(field: str, name: object) -> str:
    """Name an unknown member without returning a possible secret: short plain names only."""
    plain = isinstance(name, str) and name.isascii() and name.isidentifier() and len(name) <= _MAX_NAME_CHARS
    return ".".join(part for part in (field, str(name) if plain else "*") if part)


def parse_request(body: object, limits: RequestLimits) -> InferenceRequest:
    """Parse a decoded JSON body.

    Raises:
        Refusal: INVALID_REQUEST with the field at fault. The value at fault is never repeated.
    """
    if not isinstance(body, Mapping):
        raise wrong("", "the body must be a JSON object")
    _require_known(body, BODY_FIELDS, "")
    model = _model(body.get("model"), "model", limits)
    if ("prompt" in body) == ("messages" in body):
        raise wrong("prompt", "give either 'prompt' or 'messages'")
    given = {name: field.read(body[name], name, limits) for name, field in BODY_FIELDS.items() if name in body}
    return InferenceRequest(
        model=model,
        messages=given["prompt"] if "prompt" in given else given["messages"],
        temperature=given.get("temperature", float(limits.default_temperature)),
        max_tokens=given.get("max_tokens", limits.default_max_tokens),
        metadata=given.get("metadata", ()),
    )


def messages_of(body: Mapping[str, Any]) -> tuple[Message, ...]:
    """Return the messages of a body that ``parse_request`` has accepted."""
    if "prompt" in body:
        return (Message(Speaker.USER, body["prompt"]),)
    return tuple(
        Message(Speaker(item["role"]), item["content"], TextKind(item["kind"]) if "kind" in item else None)
        for item in body["messages"]
    )


def body_schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON Schemas (2020-12) of the body and of a message, by name. What a policy limits is not in them."""
    message = _object(MESSAGE_FIELDS, "One message of a conversation.", ["role", "content"])
    body = _object(BODY_FIELDS, "A request for a model's answer: either `prompt` or `messages`.", ["model"])
    return {
        "InferenceBody": {**body, "oneOf": [{"required": ["prompt"]}, {"required": ["messages"]}]},
        MESSAGE_SCHEMA: message,
    }


def _object(fields: Mapping[str, BodyField], description: str, required: list[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "properties": {name: dict(field.schema) for name, field in fields.items()},
        "required": required,
        "additionalProperties": False,
    }


def request_hash(body: object) -> str:
    """Return SHA-256, hexadecimal, of a body's canonical JSON: sorted names, no spaces, UTF-8 (as RFC 8785 here).

    It may only be kept within a MAC or encrypted data: elsewhere a short prompt could be guessed from it.

    Raises:
        Refusal: INVALID_REQUEST if the body is not JSON (NaN, say).
    """
    try:
        text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()
    except (TypeError, ValueError, RecursionError) as error:
        raise wrong("", "the body must be a JSON object") from error
