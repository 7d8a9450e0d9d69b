"""OpenAPI descriptions of the clients' formats."""

from collections.abc import Mapping
from typing import Any, Final

from api.wires.chat.fields import CHAT_FIELDS
from api.wires.messages.fields import COUNT_FIELDS, MESSAGES_FIELDS
from api.wires.placing import PlacedField
from api.wires.responses.fields import RESPONSES_FIELDS

CHAT_SCHEMA: Final = "ChatBody"
RESPONSE_SCHEMA: Final = "ResponseBody"
MESSAGES_SCHEMA: Final = "MessagesBody"
COUNT_SCHEMA: Final = "CountTokensBody"
ERROR_SCHEMA: Final = "WireErrorBody"
_PROMPT: Final[dict[str, dict[str, Any]]] = {
    "model": {"type": "string"},
    "messages": {"type": "array", "items": {"type": "object"}, "minItems": 1},
}
_STATUSES: Final = (400, 401, 404, 413, 429, 500, 503)


def wire_errors() -> dict[int | str, dict[str, Any]]:
    """Describe the errors of a route in a client's format."""
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{ERROR_SCHEMA}"}}}
    return {status: {"description": "Error", "content": content} for status in _STATUSES}


def wire_answers() -> dict[int | str, dict[str, Any]]:
    """Describe the answers of a route, whole or as streams, and its errors."""
    content = {"application/json": {"schema": {"type": "object"}}, "text/event-stream": {"schema": {"type": "string"}}}
    return {200: {"description": "The answer, or its stream", "content": content}, **wire_errors()}


def wire_schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON Schemas (2020-12) of the clients' bodies and errors, by name."""
    texts = {name: {"type": ["string", "null"]} for name in ("param", "code")}
    error = {"message": {"type": "string"}, "type": {"type": "string"}, **texts}
    return {
        CHAT_SCHEMA: _body(
            "OpenAI's chat completion.",
            CHAT_FIELDS,
            **_PROMPT,
        ),
        RESPONSE_SCHEMA: _body(
            "OpenAI's response.",
            RESPONSES_FIELDS,
            model={"type": "string"},
            input={"type": ["string", "array"], "items": {"type": "object"}},
        ),
        MESSAGES_SCHEMA: _body("Anthropic's message.", MESSAGES_FIELDS, max_tokens={"type": "integer"}, **_PROMPT),
        COUNT_SCHEMA: _body(
            "A prompt, for the number of its tokens.",
            {name: field for name, field in MESSAGES_FIELDS.items() if name in COUNT_FIELDS},
            **_PROMPT,
        ),
        ERROR_SCHEMA: {
            "type": "object",
            "description": "An error as OpenAI's SDKs read it. With `anthropic-version`, as Anthropic's do: `type` is "
            "`error`, and `error` has `type` and `message`. `assay` is the run's body, if there is a run.",
            "properties": {
                "error": {"type": "object", "properties": error, "required": ["message", "type"]},
                "assay": {"type": "object"},
            },
            "required": ["error"],
        },
    }


def _body(said: str, fields: Mapping[str, PlacedField], **required: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "description": f"{said} Unknown fields are dropped and named in `Assay-Ignored`.",
        "properties": {
            name: {**required.get(name, {}), "description": f"{field.placing.capitalize()}: {field.note}."}
            for name, field in fields.items()
        },
        "required": list(required),
    }
