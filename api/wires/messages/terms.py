"""Fields of the translated body by the names that clients of Anthropic's format sent."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from api.wires.messages.blocks import REDACTED_THINKING
from api.wires.messages.requests import MessagesRequest
from domain.refusals import Refusal

_FIRST: Final[Mapping[str, str]] = MappingProxyType(
    {
        "stop": "stop_sequences",
        "one_tool_call": "tool_choice.disable_parallel_tool_use",
        "response_format": "output_config.format",
        "end_user": "metadata.user_id",
        "cache": "cache_control",
    }
)
_MEMBERS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "tool_call": {"call_id": "id", "arguments": "input"},
        "tool_result": {"call_id": "tool_use_id", "failed": "is_error"},
        "attachment": {"data": "source.data", "media_type": "source.media_type"},
        "image_address": {"image_url": "source.url"},
        "document": {"text": "source", "name": "title", "cited": "citations", "media_type": "source.media_type"},
    }
)
_PLACE: Final = re.compile(r"(?P<at>\d+)(?P<rest>.*)\Z")
_PART: Final = re.compile(r"\.content\.(?P<part>\d+)\.(?P<member>\w+)(?P<more>.*)\Z")


def in_anthropics_terms(refusal: Refusal, request: MessagesRequest) -> Refusal:
    """Return a refusal of the translated body with its field as the client named it."""
    first, _, rest = (refusal.field or "").partition(".")
    if first == "tools":
        rest = rest.replace("parameters", "input_schema")
    elif first == "reasoning":
        first, rest = ("output_config", "effort") if rest == "effort" else ("thinking", rest.replace("mode", "type"))
    elif first == "messages":
        first, rest = _message_field(rest, request)
    named = ".".join(part for part in (_FIRST.get(first, first), rest) if part)
    return Refusal(refusal.kind, refusal.detail, field=named, retry_after=refusal.retry_after)


def _message_field(rest: str, request: MessagesRequest) -> tuple[str, str]:
    """Return a place within the messages as the client named it: the system prompt is no message there."""
    match = _PLACE.match(rest)
    if match is None:
        return "messages", rest
    at, inner = int(match["at"]), match["rest"]
    message = request.body["messages"][at]
    if request.outside and at == 0:
        return "system", inner.removeprefix(".content").removeprefix(".")
    return "messages", f"{at - request.outside}{_inner(inner, message)}"


def _members(part: Mapping[str, Any]) -> Mapping[str, str]:
    if part["type"] == "opaque":
        return {"data": "data" if part["label"] == REDACTED_THINKING else "signature", "text": "thinking"}
    return _MEMBERS.get(part["type"], {})


def _inner(rest: str, message: Mapping[str, Any]) -> str:
    match = _PART.match(rest)
    if match is None:
        return rest
    part = message["content"][int(match["part"])]
    member = _members(part).get(match["member"], match["member"])
    return f".content.{match['part']}.{member}{match['more']}"
