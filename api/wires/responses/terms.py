"""Fields of the translated body by the names that clients of the responses API sent."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from api.wires.responses.requests import ResponseRequest
from domain.refusals import Refusal

_FIRST: Final[Mapping[str, str]] = MappingProxyType(
    {"max_tokens": "max_output_tokens", "one_tool_call": "parallel_tool_calls", "response_format": "text.format"}
)
_PART: Final = re.compile(r"\.content\.(?P<part>\d+)(?P<rest>.*)\Z")
_INDEXED: Final = re.compile(r"(?P<at>\d+)(?P<rest>.*)\Z")


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
    more = found["rest"]
    if request.body["messages"][at]["role"] == "tool":
        more = more.replace(".content", ".output", 1)
    return f"{place.parts[int(found['part'])]}{more}"
