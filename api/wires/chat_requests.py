"""Chat completions as requests of Assay: the body of ``POST /v1/inferences`` that says the same.

What has no place there is refused by name, or dropped and named. Values are validated afterwards, by the body's own
readers, so this module checks only the form that it translates.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from api.wires.chat_fields import CHAT_FIELDS, Placing
from domain.inference.bodies.values import inner_name, wrong
from domain.refusals import Refusal

MOST_IGNORED: Final = 32
_TEXT_TYPES: Final = ("text", "input_text", "output_text")
_MEMBERS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "system": frozenset({"role", "content"}),
        "developer": frozenset({"role", "content"}),
        "user": frozenset({"role", "content"}),
        "assistant": frozenset({"role", "content", "refusal", "tool_calls", "function_call", "audio"}),
        "tool": frozenset({"role", "content", "tool_call_id"}),
    }
)
"""The members of a message that are read, by its role."""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A translated request.

    Attributes:
        body: the body of ``POST /v1/inferences``, not validated yet.
        ignored: names of what was dropped, sorted: short plain names only.
        renamed: names of fields of ``body`` by those that the client sent.
    """

    body: dict[str, Any]
    ignored: tuple[str, ...]
    renamed: Mapping[str, str]


def read_chat(sent: object) -> ChatRequest:
    """Translate a decoded body.

    Raises:
        Refusal: INVALID_REQUEST, with the field as the client named it.
    """
    if not isinstance(sent, Mapping):
        raise wrong("", "the body must be a JSON object")
    ignored: set[str] = set()
    given: dict[str, Any] = {}
    for name, value in sent.items():
        field = CHAT_FIELDS.get(name)
        if field is None:
            ignored.add(inner_name("", name))
        elif field.asks(value) and field.placing is Placing.REFUSED:
            raise wrong(name, f"is refused: {field.note}")
        elif field.asks(value) and field.placing is Placing.DROPPED:
            ignored.add(name)
        elif value is not None and field.placing is Placing.HONOURED:
            given[name] = value
    body: dict[str, Any] = {name: given[name] for name in _AS_THEY_ARE if name in given}
    body["messages"] = _list(given.get("messages"), "messages", lambda item, at: _message(item, at, ignored))
    renamed = _limit(given, body)
    _tools(given, body, ignored)
    _answer(given, body, ignored)
    return ChatRequest(body, tuple(sorted(ignored)[:MOST_IGNORED]), renamed)


_AS_THEY_ARE: Final = ("model", "temperature", "top_p", "seed", "metadata")


def in_clients_terms(refusal: Refusal, request: ChatRequest) -> Refusal:
    """Return a refusal of the translated body with its field as the client named it."""
    field = refusal.field or ""
    first, _, rest = field.partition(".")
    first = request.renamed.get(first, first)
    if first == "tools":
        rest = re.sub(r"\A(\d+)\.", r"\1.function.", rest)
    elif first == "response_format" and rest:
        rest = f"json_schema.{rest}"
    elif first == "tool_choice" and rest:
        rest = f"function.{rest}"
    elif first == "messages":
        rest = _message_field(rest, request.body["messages"])
    named = ".".join(part for part in (first, rest) if part)
    return Refusal(refusal.kind, refusal.detail, field=named, retry_after=refusal.retry_after)


def _message_field(rest: str, messages: list[dict[str, Any]]) -> str:
    """Return a place within the messages as the client named it: calls and results are no parts there."""
    match = _PART.match(rest)
    if match is None:
        return rest
    at, index, member, more = match["at"], int(match["part"]), match["member"], match["more"]
    message = messages[int(at)]
    if message["role"] == "tool":
        return f"{at}.tool_call_id" if member == "call_id" else f"{at}.content{more}"
    kinds = [part["type"] for part in message["content"]]
    if kinds[index] != "tool_call":
        return rest
    names = {"call_id": "id", "name": "function.name", "arguments": "function.arguments"}
    return f"{at}.tool_calls.{kinds[:index].count('tool_call')}.{names.get(member, member)}"


_PART: Final = re.compile(r"(?P<at>\d+)\.content\.(?P<part>\d+)\.(?P<member>\w+)(?P<more>.*)\Z")


def _list(value: object, field: str, read: Callable[[Mapping[str, Any], str], Any]) -> list[Any]:
    if not isinstance(value, list):
        raise wrong(field, "must be a list")
    return [read(_object(item, f"{field}.{at}"), f"{field}.{at}") for at, item in enumerate(value)]


def _object(value: object, field: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise wrong(field, "must be an object")
    return value


def _message(item: Mapping[str, Any], field: str, ignored: set[str]) -> dict[str, Any]:
    role = item.get("role")
    known = _MEMBERS.get(role) if isinstance(role, str) else None
    if known is None:
        raise wrong(f"{field}.role", "must be 'system', 'developer', 'user', 'assistant' or 'tool'")
    _drop(item, known, "messages", ignored)
    content = item.get("content")
    if role == "assistant":
        return {"role": "assistant", "content": _said(item, field, ignored)}
    if content is None:
        raise wrong(f"{field}.content", "is required")
    parts = content if isinstance(content, str) else _parts(content, f"{field}.content", ignored)
    if role == "tool":
        result = {"type": "tool_result", "call_id": item.get("tool_call_id"), "content": parts}
        return {"role": "tool", "content": [result]}
    return {"role": "user" if role == "user" else "system", "content": parts}


def _said(item: Mapping[str, Any], field: str, ignored: set[str]) -> Any:  # noqa: ANN401 - JSON
    """Return the content of the assistant's message: a text; parts if there is a refusal or a call."""
    for name in ("function_call", "audio"):
        if item.get(name) is not None:
            raise wrong(f"{field}.{name}", "is refused: only text and tool_calls are available")
    content, refusal, calls = item.get("content"), item.get("refusal"), item.get("tool_calls")
    if refusal is None and not calls and (content is None or isinstance(content, str)):
        return content or ""
    if content is None or isinstance(content, str):
        parts = [{"type": "text", "text": content}] if content else []
    else:
        parts = _parts(content, f"{field}.content", ignored, refusals=True)
    if refusal is not None:
        parts.append({"type": "refusal", "text": refusal})
    if calls:
        parts += _list(calls, f"{field}.tool_calls", lambda call, at: _call(call, at, ignored))
    return parts or ""


def _parts(value: object, field: str, ignored: set[str], *, refusals: bool = False) -> list[dict[str, Any]]:
    def read(part: Mapping[str, Any], at: str) -> dict[str, Any]:
        kind = part.get("type")
        if kind == "refusal" and refusals:
            _drop(part, frozenset({"type", "refusal"}), "messages.content", ignored)
            return {"type": "refusal", "text": part.get("refusal")}
        if kind not in _TEXT_TYPES:
            raise wrong(f"{at}.type", "is refused: only text is available, no images, sound or files")
        _drop(part, frozenset({"type", "text"}), "messages.content", ignored)
        return {"type": "text", "text": part.get("text")}

    return _list(value, field, read)


def _call(call: Mapping[str, Any], field: str, ignored: set[str]) -> dict[str, Any]:
    function = _function(call, field)
    _drop(call, frozenset({"id", "type", "function", "index"}), "messages.tool_calls", ignored)
    return {
        "type": "tool_call",
        "call_id": call.get("id"),
        "name": function.get("name"),
        "arguments": function.get("arguments"),
    }


def _function(item: Mapping[str, Any], field: str) -> Mapping[str, Any]:
    """Return the function of a tool, a call or a choice. Tools of a provider would reach past the gateway."""
    if item.get("type", "function") != "function":
        raise wrong(f"{field}.type", "is refused: only 'function' is available")
    return _object(item.get("function"), f"{field}.function")


def _tools(given: Mapping[str, Any], body: dict[str, Any], ignored: set[str]) -> None:
    """Translate tools and their use. Without tools, a choice that requires none says nothing."""

    def read(tool: Mapping[str, Any], field: str) -> dict[str, Any]:
        function = _function(tool, field)
        _drop(tool, frozenset({"type", "function"}), "tools", ignored)
        members = ("name", "description", "parameters", "strict")
        _drop(function, frozenset(members), "tools.function", ignored)
        return {name: function[name] for name in members if function.get(name) is not None}

    tools = _list(given.get("tools", []), "tools", read)
    if tools:
        body["tools"] = tools
    choice = given.get("tool_choice")
    if choice is not None and (tools or choice not in ("auto", "none")):
        body["tool_choice"] = _choice(choice)
    parallel = given.get("parallel_tool_calls", True)
    if not isinstance(parallel, bool):
        raise wrong("parallel_tool_calls", "must be true or false")
    if tools and not parallel:
        body["one_tool_call"] = True


def _choice(choice: object) -> dict[str, Any]:
    if isinstance(choice, str):
        if choice not in ("auto", "none", "required"):
            raise wrong("tool_choice", "must be auto, none, required or a function")
        return {"use": choice}
    return {"use": "named", "name": _function(_object(choice, "tool_choice"), "tool_choice").get("name")}


def _answer(given: Mapping[str, Any], body: dict[str, Any], ignored: set[str]) -> None:
    """Translate the form of the answer, and its end."""
    if "stop" in given and given["stop"] != []:
        body["stop"] = [given["stop"]] if isinstance(given["stop"], str) else given["stop"]
    if "response_format" not in given:
        return
    wanted = _object(given["response_format"], "response_format")
    match wanted.get("type"):
        case "text":
            pass
        case "json_object":
            body["response_format"] = {"form": "json_object"}
        case "json_schema":
            schema = _object(wanted.get("json_schema"), "response_format.json_schema")
            members = ("name", "description", "schema", "strict")
            _drop(schema, frozenset(members), "response_format.json_schema", ignored)
            found = {name: schema[name] for name in members if schema.get(name) is not None}
            body["response_format"] = {"form": "json_schema", **found}
        case _:
            raise wrong("response_format.type", "must be text, json_object or json_schema")
    _drop(wanted, frozenset({"type", "json_schema"}), "response_format", ignored)


def _limit(given: Mapping[str, Any], body: dict[str, Any]) -> Mapping[str, str]:
    """Translate the limit of the answer's tokens. Return the names to rename back."""
    newer, older = given.get("max_completion_tokens"), given.get("max_tokens")
    if newer is not None and older is not None and newer != older:
        raise wrong("max_tokens", "differs from max_completion_tokens: give one of them")
    if newer is not None or older is not None:
        body["max_tokens"] = older if newer is None else newer
    names = {"one_tool_call": "parallel_tool_calls"}
    return names if newer is None else {**names, "max_tokens": "max_completion_tokens"}


def _drop(item: Mapping[str, Any], known: frozenset[str], place: str, ignored: set[str]) -> None:
    """Name the members of an object that are not read."""
    ignored.update(inner_name(place, name) for name, value in item.items() if name not in known and value is not None)
