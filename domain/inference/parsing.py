"""The body of ``POST /v1/inferences``: one table of its fields, each with its reader and its JSON Schema.

The same function reads a request at the HTTP edge and in the workflow's first stage, so a request that reaches the
workflow by another way meets the same refusals. The OpenAPI description is made from the table; the SDK's calls are
held against it by a test.
"""

import hashlib
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from domain.inference.bodies.kept import RESPONSE
from domain.inference.bodies.messages import (
    MESSAGE_FIELDS,
    MESSAGE_SCHEMA,
    message_of,
    read_messages,
    read_prompt,
    require_known,
)
from domain.inference.bodies.options import OPTION_FIELDS
from domain.inference.bodies.parts import PART_SCHEMA, part_schema
from domain.inference.bodies.tools import (
    MAX_STOPS,
    MAX_TOOLS,
    TOOL_SCHEMA,
    read_response_format,
    read_stop,
    read_tool_choice,
    read_tools,
    tool_schema,
)
from domain.inference.bodies.values import (
    FLAG,
    MAX_NAME_CHARS,
    MAX_SEED,
    MAX_TEMPERATURE,
    BodyField,
    read_max_tokens,
    read_metadata,
    read_model,
    read_seed,
    read_temperature,
    read_top_p,
    wrong,
)
from domain.inference.content import Message, Speaker
from domain.inference.requests import AnswerForm, InferenceRequest, RequestLimits, ToolUse
from domain.inference.texts import texts_of

_TEXT: Final = MappingProxyType({"type": "string", "minLength": 1})

BODY_FIELDS: Final[Mapping[str, BodyField]] = MappingProxyType(
    {
        "model": BodyField(read_model, {**_TEXT, "maxLength": MAX_NAME_CHARS, "examples": ["smollm2"]}),
        "prompt": BodyField(read_prompt, {**_TEXT, "examples": ["Say hello in one short sentence."]}),
        "messages": BodyField(
            read_messages,
            {"type": "array", "items": {"$ref": f"#/components/schemas/{MESSAGE_SCHEMA}"}, "minItems": 1},
        ),
        "temperature": BodyField(
            read_temperature,
            {"type": "number", "minimum": 0, "maximum": MAX_TEMPERATURE, "description": "By default the policy's."},
        ),
        "max_tokens": BodyField(
            read_max_tokens, {"type": "integer", "minimum": 1, "description": "By default the policy's."}
        ),
        "metadata": BodyField(read_metadata, {"type": "object", "additionalProperties": {"type": "string"}}),
        "tools": BodyField(
            read_tools,
            {
                "type": "array",
                "items": {"$ref": f"#/components/schemas/{TOOL_SCHEMA}"},
                "minItems": 1,
                "maxItems": MAX_TOOLS,
            },
        ),
        "tool_choice": BodyField(
            read_tool_choice,
            {
                "type": "object",
                "properties": {"use": {"type": "string", "enum": list(ToolUse)}, "name": {"type": "string"}},
                "required": ["use"],
                "description": "Needs `tools`. `name` goes with `named` alone.",
            },
        ),
        "one_tool_call": BodyField(
            FLAG.read, {"type": "boolean", "description": "At most one tool call in an answer."}
        ),
        "response_format": BodyField(
            read_response_format,
            {
                "type": "object",
                "properties": {"form": {"type": "string", "enum": list(AnswerForm)}, "schema": {"type": "object"}},
                "required": ["form"],
                "description": "`name`, `schema`, `description` and `strict` go with `json_schema` alone.",
            },
        ),
        "stop": BodyField(
            read_stop, {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MAX_STOPS}
        ),
        "top_p": BodyField(read_top_p, {"type": "number", "minimum": 0, "maximum": 1}),
        "seed": BodyField(read_seed, {"type": "integer", "minimum": -MAX_SEED - 1, "maximum": MAX_SEED}),
        "response": RESPONSE,
        **OPTION_FIELDS,
    }
)
"""The fields of the body."""


_OPTIONS: Final = (
    *("metadata", "tools", "tool_choice", "one_tool_call", "response_format"),
    *("stop", "top_p", "seed"),
    *OPTION_FIELDS,
)


def parse_request(body: object, limits: RequestLimits) -> InferenceRequest:
    """Parse a decoded JSON body.

    Raises:
        Refusal: INVALID_REQUEST with the field at fault. The value at fault is never repeated.
    """
    if not isinstance(body, Mapping):
        raise wrong("", "the body must be a JSON object")
    require_known(body, BODY_FIELDS, "")
    model = read_model(body.get("model"), "model", limits)
    if ("prompt" in body) == ("messages" in body):
        raise wrong("prompt", "give either 'prompt' or 'messages'")
    given = {name: field.read(body[name], name, limits) for name, field in BODY_FIELDS.items() if name in body}
    request = InferenceRequest(
        model=model,
        messages=given["prompt"] if "prompt" in given else given["messages"],
        temperature=given.get("temperature", float(limits.default_temperature)),
        max_tokens=given.get("max_tokens", limits.default_max_tokens),
        **{name: given[name] for name in _OPTIONS if name in given},
    )
    _require_offered(request)
    outside = next((name for name in ("tools", "response_format", "stop") if name in given), None)
    if outside and sum(len(text.text) for text in texts_of(request)) > limits.max_prompt_chars:
        raise wrong(outside, f"must have at most {limits.max_prompt_chars} characters, messages included")
    return request


def _require_offered(request: InferenceRequest) -> None:
    """Require that a choice of tools is among those offered."""
    offered = {tool.name for tool in request.tools}
    if request.tool_choice is not None and not offered:
        raise wrong("tool_choice", "needs tools")
    if request.one_tool_call and not offered:
        raise wrong("one_tool_call", "needs tools")
    if request.tool_choice is not None and request.tool_choice.name not in (None, *offered):
        raise wrong("tool_choice.name", "is the name of no tool of the request")


def messages_of(body: Mapping[str, Any]) -> tuple[Message, ...]:
    """Return the messages of a body that ``parse_request`` has accepted."""
    if "prompt" in body:
        return (Message(Speaker.USER, body["prompt"]),)
    return tuple(message_of(item) for item in body["messages"])


def body_schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON Schemas (2020-12) of the body and of a message, by name. What a policy limits is not in them."""
    message = _object(MESSAGE_FIELDS, "One message of a conversation.", ["role", "content"])
    body = _object(BODY_FIELDS, "A request for a model's answer: either `prompt` or `messages`.", ["model"])
    return {
        "InferenceBody": {**body, "oneOf": [{"required": ["prompt"]}, {"required": ["messages"]}]},
        MESSAGE_SCHEMA: message,
        PART_SCHEMA: part_schema(),
        TOOL_SCHEMA: tool_schema(),
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
