"""Tools of a request, and the form and end of its answer."""

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from domain.inference.bodies.values import (
    FLAG,
    TEXT,
    BodyField,
    choice_of,
    object_schema,
    read_members,
    text_of,
    without,
    wrong,
)
from domain.inference.requests import AnswerForm, RequestLimits, ResponseFormat, Tool, ToolChoice, ToolUse

MAX_TOOLS: Final = 128
MAX_STOPS: Final = 4
MAX_STOP_CHARS: Final = 256
TOOL_SCHEMA: Final = "ToolBody"
"""Name of a tool's schema in the body's schema."""
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:/-]{0,127}\Z")


def _name(value: object, field: str, _: RequestLimits) -> str:
    name = text_of(value, field)
    if not _NAME.match(name):
        raise wrong(field, "must have 1 to 128 characters of A-Z, a-z, 0-9 and _.:/-")
    return name


def _schema(value: object, field: str, _: RequestLimits) -> str:
    """Read a JSON Schema as compact JSON text, its members in the order sent: models answer in that order."""
    if not isinstance(value, Mapping):
        raise wrong(field, "must be an object: a JSON Schema")
    try:
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise wrong(field, "must be JSON, and not nested too deeply") from None
    if (keyword := _misused(value)) is not None:
        raise wrong(field, f"is no JSON Schema: a member '{keyword}' has another form")
    return text_of(text, field)


def _misused(schema: Mapping[Any, Any]) -> str | None:
    """Return a keyword of JSON Schema (2020-12) with an invalid value; None without one.

    Only what no provider can take for a schema: values of unknown keywords, and names of types, are theirs.
    """
    left: list[Any] = [schema]
    while left:
        found = left.pop()
        if not isinstance(found, Mapping):
            continue
        for keyword, kinds in _FORMS.items():
            if keyword in found and not isinstance(found[keyword], kinds):
                return keyword
        for keyword in _OF_SCHEMAS:
            inner = found.get(keyword, ())
            inner = list(inner.values()) if isinstance(inner, Mapping) else inner
            if not all(isinstance(one, Mapping | bool) for one in inner):
                return keyword
            left += inner
        left += (found[keyword] for keyword in _OF_ONE if keyword in found)
    return None


_OF_SCHEMAS: Final = (
    "properties",
    "patternProperties",
    "$defs",
    "definitions",
    "anyOf",
    "oneOf",
    "allOf",
    "prefixItems",
)
_OF_ONE: Final = ("not", "if", "then", "else", "contains", "propertyNames", "additionalProperties")
_FORMS: Final[Mapping[str, tuple[type, ...]]] = MappingProxyType(
    {
        "type": (str, list, tuple),
        **dict.fromkeys(("properties", "patternProperties", "$defs", "definitions"), (Mapping,)),
        **dict.fromkeys(("anyOf", "oneOf", "allOf", "prefixItems", "required", "enum"), (list, tuple)),
        "items": (Mapping, bool, list, tuple),
        **dict.fromkeys(_OF_ONE, (Mapping, bool)),
    }
)
"""Keywords with the forms of their values. ``items`` was a list in earlier drafts."""


TOOL_NAME: Final = BodyField(_name, {"type": "string", "minLength": 1, "maxLength": 128})
CACHE: Final = choice_of("5m", "1h")
_JSON_SCHEMA: Final = BodyField(_schema, {"type": "object", "description": "A JSON Schema."})
_TOOL: Final = MappingProxyType(
    {
        "name": (TOOL_NAME, True),
        "description": (TEXT, False),
        "parameters": (_JSON_SCHEMA, False),
        "strict": (FLAG, False),
        "cache": (CACHE, False),
    }
)
_FORMAT: Final = MappingProxyType(
    {
        "name": (TOOL_NAME, True),
        "description": (TEXT, False),
        "schema": (_JSON_SCHEMA, True),
        "strict": (FLAG, False),
    }
)


def read_tools(value: object, field: str, limits: RequestLimits) -> tuple[Tool, ...]:
    """Read the definitions of tools. Names occur once."""
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= MAX_TOOLS:
        raise wrong(field, f"must be a list of 1 to {MAX_TOOLS} tools")
    found: dict[str, Tool] = {}
    for at, item in enumerate(value):
        place = f"{field}.{at}"
        if not isinstance(item, Mapping):
            raise wrong(place, "must be an object")
        tool = Tool(**read_members(item, _TOOL, place, limits))
        if tool.name in found:
            raise wrong(f"{place}.name", "is the name of another tool, too")
        found[tool.name] = tool
    return tuple(found.values())


def read_tool_choice(value: object, field: str, limits: RequestLimits) -> ToolChoice:
    """Read the use of tools: ``{use, name}``, with a name for ``named`` alone."""
    if not isinstance(value, Mapping) or value.get("use") not in tuple(ToolUse):
        raise wrong(field, "must be an object with 'use': auto, none, required or named")
    use = ToolUse(value["use"])
    members = {"name": (TOOL_NAME, True)} if use is ToolUse.NAMED else {}
    return ToolChoice(use, **read_members(without(value, "use"), members, field, limits))


def read_response_format(value: object, field: str, limits: RequestLimits) -> ResponseFormat:
    """Read the form of the answer: ``{form}``; for a JSON Schema with ``name``, ``schema`` and what describes it."""
    if not isinstance(value, Mapping) or value.get("form") not in tuple(AnswerForm):
        raise wrong(field, "must be an object with 'form': text, json_object or json_schema")
    form = AnswerForm(value["form"])
    members = _FORMAT if form is AnswerForm.JSON_SCHEMA else {}
    return ResponseFormat(form, **read_members(without(value, "form"), members, field, limits))


def read_stop(value: object, field: str, _: RequestLimits) -> tuple[str, ...]:
    """Read the texts that end an answer."""
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= MAX_STOPS:
        raise wrong(field, f"must be a list of 1 to {MAX_STOPS} texts")
    found = tuple(text_of(item, f"{field}.{at}") for at, item in enumerate(value))
    for at, text in enumerate(found):
        if not 1 <= len(text) <= MAX_STOP_CHARS:
            raise wrong(f"{field}.{at}", f"must have 1 to {MAX_STOP_CHARS} characters")
    return found


def tool_schema() -> dict[str, Any]:
    """Return the JSON Schema of a tool's definition."""
    return object_schema(_TOOL)
