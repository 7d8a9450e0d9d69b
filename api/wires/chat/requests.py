"""Chat completions as requests of Assay: the body of ``POST /v1/inferences`` that says the same.

What has no place there is refused by name, or dropped and named. Values are validated afterwards, by the body's own
readers, so this module checks only the form that it translates.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from api.wires.chat.fields import CHAT_FIELDS
from api.wires.chat.files import file_of, image_of
from api.wires.dropped import strip_provider_tool
from api.wires.members import drop_others, list_of, object_of
from api.wires.placing import read_fields
from domain.inference.bodies.values import wrong
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
class ChatStream:
    """A stream that is asked for. ``usage``: with a last chunk for the tokens."""

    usage: bool


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A translated request.

    Attributes:
        body: the body of ``POST /v1/inferences``, not validated yet.
        ignored: names of what was dropped, sorted: short plain names only.
        renamed: names of fields of ``body`` by those that the client sent.
        stream: the stream that it asks for; None for a whole answer.
    """

    body: dict[str, Any]
    ignored: tuple[str, ...]
    renamed: Mapping[str, str]
    stream: ChatStream | None = None


def read_chat(sent: object) -> ChatRequest:
    """Translate a decoded body.

    Raises:
        Refusal: INVALID_REQUEST, with the field as the client named it.
    """
    ignored: set[str] = set()
    given = read_fields(sent, CHAT_FIELDS, ignored)
    body: dict[str, Any] = {name: given[name] for name in _AS_THEY_ARE if name in given}
    body["messages"] = list_of(given.get("messages"), "messages", lambda item, at: _message(item, at, ignored))
    renamed = {**_limit(given, body), **_hints(given, body)}
    _tools(given, body, ignored)
    _answer(given, body, ignored)
    stream = _stream(given, ignored)
    return ChatRequest(body, tuple(sorted(ignored)[:MOST_IGNORED]), renamed, stream)


_AS_THEY_ARE: Final = (
    *("model", "temperature", "top_p", "seed", "metadata"),
    *("frequency_penalty", "presence_penalty", "logit_bias", "verbosity"),
)


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
    elif first == "reasoning_effort":
        rest = ""
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
    if kinds[index] in _FILES:
        return f"{at}.content.{index}.{'image_url' if member == 'image_url' else 'image_url or file'}"
    if kinds[index] != "tool_call":
        return rest
    names = {"call_id": "id", "name": "function.name", "arguments": "function.arguments"}
    return f"{at}.tool_calls.{kinds[:index].count('tool_call')}.{names.get(member, member)}"


_FILES: Final = ("attachment", "image_address", "document")
_PART: Final = re.compile(r"(?P<at>\d+)\.content\.(?P<part>\d+)\.(?P<member>\w+)(?P<more>.*)\Z")


def _message(item: Mapping[str, Any], field: str, ignored: set[str]) -> dict[str, Any]:
    role = item.get("role")
    known = _MEMBERS.get(role) if isinstance(role, str) else None
    if known is None:
        raise wrong(f"{field}.role", "must be 'system', 'developer', 'user', 'assistant' or 'tool'")
    drop_others(item, known, "messages", ignored)
    content = item.get("content")
    if role == "assistant":
        return {"role": "assistant", "content": _said(item, field, ignored)}
    if content is None:
        raise wrong(f"{field}.content", "is required")
    parts = content if isinstance(content, str) else _parts(content, f"{field}.content", ignored, files=role == "user")
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
        parts += list_of(calls, f"{field}.tool_calls", lambda call, at: _call(call, at, ignored))
    return parts or ""


def _parts(
    value: object, field: str, ignored: set[str], *, refusals: bool = False, files: bool = False
) -> list[dict[str, Any]]:
    def read(part: Mapping[str, Any], at: str) -> dict[str, Any]:
        kind = part.get("type")
        if kind == "refusal" and refusals:
            drop_others(part, frozenset({"type", "refusal"}), "messages.content", ignored)
            return {"type": "refusal", "text": part.get("refusal")}
        if files and kind in ("image_url", "file"):
            drop_others(part, frozenset({"type", kind}), "messages.content", ignored)
            return image_of(part, at, ignored) if kind == "image_url" else file_of(part, at, ignored)
        if kind not in _TEXT_TYPES:
            more = ", image_url and file" if files else ""
            raise wrong(
                f"{at}.type", f"is refused: only text{more} are available" if more else "is refused: text alone"
            )
        drop_others(part, frozenset({"type", "text"}), "messages.content", ignored)
        return {"type": "text", "text": part.get("text")}

    return list_of(value, field, read)


def _call(call: Mapping[str, Any], field: str, ignored: set[str]) -> dict[str, Any]:
    function = _function(call, field)
    drop_others(call, frozenset({"id", "type", "function", "index"}), "messages.tool_calls", ignored)
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
    return object_of(item.get("function"), f"{field}.function")


def _tools(given: Mapping[str, Any], body: dict[str, Any], ignored: set[str]) -> None:
    """Translate tools and their use. Without tools, a choice that requires none says nothing."""

    def read(tool: Mapping[str, Any], field: str) -> dict[str, Any]:
        function = _function(tool, field)
        drop_others(tool, frozenset({"type", "function"}), "tools", ignored)
        members = ("name", "description", "parameters", "strict")
        drop_others(function, frozenset(members), "tools.function", ignored)
        return {name: function[name] for name in members if function.get(name) is not None}

    def kept(tool: Mapping[str, Any], field: str) -> dict[str, Any] | None:
        return None if strip_provider_tool(tool, ignored) else read(tool, field)

    tools = [tool for tool in list_of(given.get("tools", []), "tools", kept) if tool is not None]
    if "web_search_options" in given:
        strip_provider_tool({"type": "web_search_options"}, ignored)
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
    return {"use": "named", "name": _function(object_of(choice, "tool_choice"), "tool_choice").get("name")}


def _answer(given: Mapping[str, Any], body: dict[str, Any], ignored: set[str]) -> None:
    """Translate the form of the answer, and its end."""
    if "stop" in given and given["stop"] != []:
        body["stop"] = [given["stop"]] if isinstance(given["stop"], str) else given["stop"]
    if "response_format" not in given:
        return
    wanted = object_of(given["response_format"], "response_format")
    match wanted.get("type"):
        case "text":
            pass
        case "json_object":
            body["response_format"] = {"form": "json_object"}
        case "json_schema":
            schema = object_of(wanted.get("json_schema"), "response_format.json_schema")
            members = ("name", "description", "schema", "strict")
            drop_others(schema, frozenset(members), "response_format.json_schema", ignored)
            found = {name: schema[name] for name in members if schema.get(name) is not None}
            body["response_format"] = {"form": "json_schema", **found}
        case _:
            raise wrong("response_format.type", "must be text, json_object or json_schema")
    drop_others(wanted, frozenset({"type", "json_schema"}), "response_format", ignored)


def _limit(given: Mapping[str, Any], body: dict[str, Any]) -> Mapping[str, str]:
    """Translate the limit of the answer's tokens. Return the names to rename back."""
    newer, older = given.get("max_completion_tokens"), given.get("max_tokens")
    if newer is not None and older is not None and newer != older:
        raise wrong("max_tokens", "differs from max_completion_tokens: give one of them")
    if newer is not None or older is not None:
        body["max_tokens"] = older if newer is None else newer
    names = {"one_tool_call": "parallel_tool_calls"}
    return names if newer is None else {**names, "max_tokens": "max_completion_tokens"}


def _stream(given: Mapping[str, Any], ignored: set[str]) -> ChatStream | None:
    """Translate the form of the response. Options of a stream say nothing of a whole answer."""
    wanted, options = given.get("stream", False), object_of(given.get("stream_options", {}), "stream_options")
    usage = options.get("include_usage")
    for value, field in ((wanted, "stream"), (usage, "stream_options.include_usage")):
        if value is not None and not isinstance(value, bool):
            raise wrong(field, "must be true or false")
    drop_others(options, frozenset({"include_usage"}), "stream_options", ignored)
    if not wanted and options:
        ignored.add("stream_options")
    return ChatStream(usage=bool(usage)) if wanted else None


def _hints(given: Mapping[str, Any], body: dict[str, Any]) -> Mapping[str, str]:
    """Translate hints and identifiers. Return the names to rename back."""
    if "reasoning_effort" in given:
        body["reasoning"] = {"effort": given["reasoning_effort"]}
    if given.get("prompt_cache_key"):
        body["cache_key"] = given["prompt_cache_key"]
    user = next((name for name in ("safety_identifier", "user") if given.get(name)), None)
    if user is not None:
        body["end_user"] = given[user]
    return {
        "reasoning": "reasoning_effort",
        "cache_key": "prompt_cache_key",
        **({"end_user": user} if user else {}),
    }
