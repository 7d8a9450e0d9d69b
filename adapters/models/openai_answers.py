"""Parsing of chat completions from possibly broken or hostile senders."""

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from domain.inference.content import Content, Part, RefusalPart, TextPart, ToolCall
from domain.inference.models import ModelAnswer, Usage
from domain.inference.requests import InferenceRequest
from domain.inference.token_estimates import estimate_answer_tokens, estimate_tokens

_MAX_COUNT = 2**31 - 1  # of tokens: fits every column and sum
_FINISH_REASON = re.compile(r"[a-z_]{1,32}")


class Garbled(Exception):
    """Not a chat completion. Its content is not quoted."""


def read_answer(body: bytes, request: InferenceRequest) -> ModelAnswer:
    """Return the first choice of a chat completion, as JSON in UTF-8. Usage is estimated from ``request`` if need be.

    Raises:
        Garbled: anything else: no JSON, another structure, no content, or an invalid token count.
    """
    document = _object(_decoded(body))
    choices = document.get("choices")
    if not isinstance(choices, list) or not choices:
        raise Garbled
    choice = _object(choices[0])
    content = _content(_object(choice.get("message")))
    reason = choice.get("finish_reason")
    if not isinstance(reason, str) or not _FINISH_REASON.fullmatch(reason):
        raise Garbled
    return ModelAnswer(content=content, finish_reason=reason, usage=_usage(document.get("usage"), request, content))


def _content(message: Mapping[str, Any]) -> Content:
    """A text where the message is no more than that; else parts: text, refusal, tool calls."""
    text, refusal, calls = (message.get(name) for name in ("content", "refusal", "tool_calls"))
    if message.get("function_call") is not None:  # the form before tools: we ask for none
        raise Garbled
    if not refusal and not calls:
        return _text(text)
    parts: list[Part] = []
    if text is not None and _text(text):
        parts.append(TextPart(_text(text)))
    if refusal:
        parts.append(RefusalPart(_text(refusal)))
    if not isinstance(calls, list | None):
        raise Garbled
    parts += [_tool_call(_object(call)) for call in calls or ()]
    return tuple(parts)


def _tool_call(call: Mapping[str, Any]) -> ToolCall:
    if call.get("type", "function") != "function":
        raise Garbled
    function = _object(call.get("function"))
    return ToolCall(_text(call.get("id")), _text(function.get("name")), _text(function.get("arguments")))


def _text(value: object) -> str:
    if not isinstance(value, str) or any("\ud800" <= char <= "\udfff" for char in value):
        raise Garbled
    return value


def _decoded(body: bytes) -> object:
    try:
        return json.loads(body, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        pass
    # Outside the handler, or the decoder's error, which contains the body, would be kept as the context.
    raise Garbled


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError


def _object(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Garbled
    return value


def _usage(value: object, request: InferenceRequest, content: Content) -> Usage:
    """Return the reported usage, or an estimate without one: an omitted usage must not evade a budget."""
    if value is None:
        return _estimate(request, content)
    usage = _object(value)
    prompt, completion = (_count(usage.get(name)) for name in ("prompt_tokens", "completion_tokens"))
    if not prompt:  # every prompt has tokens: servers that don't count them report zero
        return _estimate(request, content)
    return Usage(
        prompt,
        completion,
        cached_tokens=min(prompt, _detail(usage, "prompt_tokens_details", "cached_tokens")),
        reasoning_tokens=min(completion, _detail(usage, "completion_tokens_details", "reasoning_tokens")),
    )


def _detail(usage: Mapping[str, Any], group: str, name: str) -> int:
    """Return a count that many servers omit."""
    found = usage.get(group)
    count = None if found is None else _object(found).get(name)
    return 0 if count is None else _count(count)


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_COUNT:
        raise Garbled
    return value


def _estimate(request: InferenceRequest, content: Content) -> Usage:
    return Usage(estimate_tokens(request), estimate_answer_tokens(content), estimated=True)
