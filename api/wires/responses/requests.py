"""Responses as requests of Assay: the body of ``POST /v1/inferences`` that says the same.

What has no place there is refused by name, or dropped and named. Values are validated afterwards, by the body's own
readers, so this module checks only the form that it translates.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from api.wires.members import drop_others, object_of
from api.wires.placing import read_fields
from api.wires.responses.conversation import SourcePlace, TranslatedConversation
from api.wires.responses.fields import RESPONSES_FIELDS
from api.wires.responses.ids import run_of
from api.wires.responses.items import ReadInput, read_items, references_of
from api.wires.responses.tools import OfferedTools, read_choice, read_tools
from domain.inference.bodies.values import wrong
from domain.refusals import Refusal

MOST_IGNORED: Final = 32
SEALED_REASONING: Final = "reasoning.encrypted_content"
"""The value of ``include`` that asks for reasoning to be sent back."""
_AS_THEY_ARE: Final = ("model", "temperature", "top_p", "metadata")
_FORMAT: Final = ("name", "description", "schema", "strict")
_FIRST: Final[Mapping[str, str]] = MappingProxyType(
    {
        "max_tokens": "max_output_tokens",
        "one_tool_call": "parallel_tool_calls",
        "response_format": "text.format",
        "verbosity": "text.verbosity",
        "cache_key": "prompt_cache_key",
        "end_user": "safety_identifier",
    }
)
_PART: Final = re.compile(r"\.content\.(?P<part>\d+)(?P<rest>.*)\Z")
_INDEXED: Final = re.compile(r"(?P<at>\d+)(?P<rest>.*)\Z")


@dataclass(frozen=True, slots=True)
class ResponseRequest:
    """A translated request.

    Attributes:
        body: the body of ``POST /v1/inferences``, not validated yet.
        ignored: names of what was dropped, sorted: short plain names only.
        places: the places of the body's messages in the client's request.
        tools: the places of its tools.
        stream: True to answer by events.
    """

    body: dict[str, Any]
    ignored: tuple[str, ...]
    places: tuple[SourcePlace, ...]
    tools: tuple[str, ...]
    stream: bool


@dataclass(frozen=True, slots=True)
class StoredContext:
    """Content of stored responses that a request refers to.

    ``earlier``: the messages before its input; ``items``: items of its input, by their IDs.
    """

    earlier: list[dict[str, Any]] = field(default_factory=list)
    items: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def references(sent: object) -> tuple[str | None, dict[str, str]]:
    """Return an unchecked body's previous response, and its references to items by ID.

    Raises:
        Refusal: INVALID_REQUEST for a previous response that is no text.
    """
    if not isinstance(sent, Mapping):
        return None, {}
    previous = sent.get("previous_response_id")
    if not isinstance(previous, str | None):
        raise wrong("previous_response_id", "must be a string")
    return previous, references_of(sent.get("input"))


def read_response_request(sent: object, stored: StoredContext) -> ResponseRequest:
    """Translate a decoded body, with what it refers to.

    Raises:
        Refusal: INVALID_REQUEST, with the field as the client named it.
    """
    ignored: set[str] = set()
    given = read_fields(sent, RESPONSES_FIELDS, ignored)
    kept = _kept(given)
    body: dict[str, Any] = {name: given[name] for name in _AS_THEY_ARE if name in given}
    if "max_output_tokens" in given:
        body["max_tokens"] = given["max_output_tokens"]
    conversation = TranslatedConversation()
    if given.get("instructions"):
        kept["instructions"] = True
        conversation.add({"role": "system", "content": given["instructions"]}, SourcePlace("instructions"))
    if "previous_response_id" in given:
        kept["previous"] = run_of(given["previous_response_id"])
    for message in stored.earlier:
        conversation.add(dict(message), SourcePlace("previous_response_id"))
    _input(given.get("input"), ReadInput(conversation, ignored, stored.items))
    body["messages"] = conversation.messages
    offered = _tools(given, body, ignored)
    if offered.custom:
        kept["custom"] = offered.custom
    if offered.namespaces:
        kept["namespaces"] = offered.namespaces
    _text(given.get("text"), body, ignored)
    _hints(given, body, ignored)
    body["response"] = kept
    return ResponseRequest(
        body,
        tuple(sorted(ignored)[:MOST_IGNORED]),
        tuple(conversation.places),
        tuple(offered.places),
        given.get("stream", False),
    )


def _kept(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the run keeps for this API: only what is not the default."""
    for name in ("store", "background", "parallel_tool_calls", "stream"):
        if not isinstance(given.get(name, False), bool):
            raise wrong(name, "must be true or false")
    store, background = given.get("store", True), given.get("background", False)
    if background and not store:
        raise wrong("background", "needs store: a response that is not stored can't be read later")
    kept: dict[str, Any] = {} if store else {"store": False}
    return {**kept, "background": True} if background else kept


def _input(value: object, into: ReadInput) -> None:
    if value is None:
        raise wrong("input", "is required")
    if isinstance(value, str):
        into.conversation.add({"role": "user", "content": value}, SourcePlace("input"))
    else:
        read_items(value, into)


def _tools(given: Mapping[str, Any], body: dict[str, Any], ignored: set[str]) -> OfferedTools:
    """Translate tools and their use. Without tools, a choice that requires none says nothing."""
    offered = read_tools(given.get("tools", []), ignored)
    choice = given.get("tool_choice")
    if choice is not None and (offered.functions or choice not in ("auto", "none")):
        body["tool_choice"] = read_choice(choice, offered)
    if offered.functions:
        body["tools"] = offered.functions
        if not given.get("parallel_tool_calls", True):
            body["one_tool_call"] = True
    return offered


def _text(value: object, body: dict[str, Any], ignored: set[str]) -> None:
    """Translate the form of the answer."""
    if value is None:
        return
    text = object_of(value, "text")
    drop_others(text, frozenset({"format", "verbosity"}), "text", ignored)
    if text.get("verbosity") is not None:
        body["verbosity"] = text["verbosity"]
    wanted = object_of(text.get("format") or {"type": "text"}, "text.format")
    match wanted.get("type"):
        case "text":
            drop_others(wanted, frozenset({"type"}), "text.format", ignored)
        case "json_object":
            drop_others(wanted, frozenset({"type"}), "text.format", ignored)
            body["response_format"] = {"form": "json_object"}
        case "json_schema":
            drop_others(wanted, frozenset({"type", *_FORMAT}), "text.format", ignored)
            found = {name: wanted[name] for name in _FORMAT if wanted.get(name) is not None}
            body["response_format"] = {"form": "json_schema", **found}
        case _:
            raise wrong("text.format.type", "must be text, json_object or json_schema")


def _hints(given: Mapping[str, Any], body: dict[str, Any], ignored: set[str]) -> None:
    """Translate wishes about reasoning, and identifiers."""
    wanted = object_of(given.get("reasoning", {}), "reasoning")
    drop_others(wanted, frozenset({"effort", "summary"}), "reasoning", ignored)
    reasoning = {name: wanted[name] for name in ("effort", "summary") if wanted.get(name) is not None}
    include = given.get("include", [])
    if not isinstance(include, list):
        raise wrong("include", "must be a list")
    if SEALED_REASONING in include:
        reasoning["sealed"] = True
    if any(name != SEALED_REASONING for name in include):
        ignored.add("include")
    if reasoning:
        body["reasoning"] = reasoning
    if given.get("prompt_cache_key"):
        body["cache_key"] = given["prompt_cache_key"]
    user = given.get("safety_identifier") or given.get("user")
    if user:
        body["end_user"] = user


def in_clients_terms(refusal: Refusal, request: ResponseRequest) -> Refusal:
    """Return a refusal of the translated body with its field as the client named it."""
    first, _, rest = (refusal.field or "").partition(".")
    if first == "messages":
        named = _message(rest, request)
    elif first == "tools" and (match := _INDEXED.match(rest)):
        named = f"{request.tools[int(match['at'])]}{match['rest']}"
    else:
        named = ".".join(part for part in (_FIRST.get(first, first), rest) if part)
    return Refusal(refusal.kind, refusal.detail, field=named, retry_after=refusal.retry_after)


def _message(rest: str, request: ResponseRequest) -> str:
    """Return a place within the messages as the client named it: calls and results are items there."""
    match = _INDEXED.match(rest)
    if match is None:
        return "input"
    at, inner = int(match["at"]), match["rest"]
    place = request.places[at]
    found = _PART.match(inner)
    if found is None or not place.parts:
        return f"{place.whole}{inner}" if place.whole.startswith("input.") else place.whole
    message, part = request.body["messages"][at], int(found["part"])
    more = found["rest"]
    if message["role"] == "tool":
        more = more.replace(".content", ".output", 1)
    elif message["content"][part]["type"] in ("attachment", "document"):
        more = ""
    return f"{place.parts[part]}{more}"
