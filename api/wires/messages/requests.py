"""Anthropic's messages as requests of Assay: the body of ``POST /v1/inferences`` that says the same.

What has no place there is refused by name, or dropped and named. Values are validated afterwards, by the body's own
readers, so this module checks only the form that it translates.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from api.wires.members import drop_others, list_of, object_of
from api.wires.messages.blocks import Named, blocks_of
from api.wires.messages.fields import MESSAGES_FIELDS
from api.wires.messages.hints import cache_end, read_hints
from api.wires.messages.members import known_members
from api.wires.messages.tools import read_tools
from api.wires.placing import read_fields
from domain.inference.bodies.values import wrong

MOST_IGNORED: Final = 32
FORMAT_NAME: Final = "answer"
"""The name of a JSON Schema for answers, which other formats require."""
_ROLES: Final = ("user", "assistant", "system")
_AS_THEY_ARE: Final = ("model", "temperature", "top_p", "top_k", "max_tokens")


@dataclass(frozen=True, slots=True)
class MessagesRequest:
    """A translated request.

    Attributes:
        body: the body of ``POST /v1/inferences``, not validated yet.
        ignored: names of what was dropped, sorted: short plain names only.
        outside: True if the first message of ``body`` is the client's ``system``.
        stream: True if a stream is asked for.
    """

    body: dict[str, Any]
    ignored: tuple[str, ...]
    outside: bool
    stream: bool = False


def read_messages_request(sent: object, *, counted: bool = False) -> MessagesRequest:
    """Translate a decoded body. ``counted``: its tokens are to be counted, and no answer is asked for.

    Raises:
        Refusal: INVALID_REQUEST, with the field as the client named it.
    """
    ignored: Named = set()
    given = read_fields(sent, MESSAGES_FIELDS, ignored)
    if "max_tokens" not in given and not counted:
        raise wrong("max_tokens", "is required")
    body: dict[str, Any] = {name: given[name] for name in _AS_THEY_ARE if name in given}
    system = _system(given.get("system"), ignored)
    messages = list_of(given.get("messages"), "messages", lambda item, at: _message(item, at, ignored))
    body["messages"] = [*system, *messages]
    if given.get("stop_sequences"):
        body["stop"] = given["stop_sequences"]
    body |= read_tools(given, ignored)
    _format(given, body, ignored)
    body |= read_hints(given, ignored)
    cache_end(given, body, ignored)
    stream = given.get("stream", False)
    if not isinstance(stream, bool):
        raise wrong("stream", "must be true or false")
    return MessagesRequest(body, tuple(sorted(ignored)[:MOST_IGNORED]), bool(system), stream)


def _system(value: object, ignored: Named) -> list[dict[str, Any]]:
    """Return the system prompt as a message; none for an empty one."""
    content = "" if value is None else blocks_of(value, "system", "system", ignored)
    return [{"role": "system", "content": content}] if content else []


def _message(item: Mapping[str, Any], field: str, ignored: Named) -> dict[str, Any]:
    role = item.get("role")
    if role not in _ROLES:
        raise wrong(f"{field}.role", "must be 'user', 'assistant' or 'system'")
    drop_others(item, known_members(str(role)), "messages", ignored)
    if item.get("content") is None:
        raise wrong(f"{field}.content", "is required")
    return {"role": role, "content": blocks_of(item["content"], f"{field}.content", str(role), ignored)}


def _format(given: Mapping[str, Any], body: dict[str, Any], ignored: Named) -> None:
    """Translate the form of the answer."""
    config = object_of(given.get("output_config", {}), "output_config")
    drop_others(config, known_members("output_config"), "output_config", ignored)
    wanted, older = config.get("format"), given.get("output_format")
    if wanted is not None and older is not None and wanted != older:
        raise wrong("output_format", "differs from output_config.format: give one of them")
    if wanted is None and older is None:
        return
    place = "output_config.format" if wanted is not None else "output_format"
    form = object_of(older if wanted is None else wanted, place)
    drop_others(form, known_members("output_format"), place, ignored)
    if form.get("type") != "json_schema":
        raise wrong(f"{place}.type", "must be json_schema")
    if form.get("schema") is None:
        raise wrong(f"{place}.schema", "is required")
    body["response_format"] = {"form": "json_schema", "name": FORMAT_NAME, "schema": form["schema"]}
