"""Parsing of chat completions from possibly broken or hostile senders."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from domain.inference.models import ModelAnswer, Usage
from domain.inference.requests import Message
from domain.inference.token_estimates import estimate_text_tokens, estimate_tokens

_MAX_COUNT = 2**31 - 1  # of tokens: fits every column and sum
_FINISH_REASON = re.compile(r"[a-z_]{1,32}")


class Garbled(Exception):
    """Not a chat completion. Its content is not quoted."""


def read_answer(body: bytes, messages: Sequence[Message]) -> ModelAnswer:
    """Return the first choice of a chat completion, as JSON in UTF-8. ``messages`` are those sent, to estimate usage
    from.

    Raises:
        Garbled: anything else: no JSON, another structure, no text, or an invalid token count.
    """
    document = _object(_decoded(body))
    choices = document.get("choices")
    if not isinstance(choices, list) or not choices:
        raise Garbled
    choice = _object(choices[0])
    content = _object(choice.get("message")).get("content")
    if not isinstance(content, str) or any("\ud800" <= char <= "\udfff" for char in content):
        raise Garbled
    reason = choice.get("finish_reason")
    if not isinstance(reason, str) or not _FINISH_REASON.fullmatch(reason):
        raise Garbled
    return ModelAnswer(content=content, finish_reason=reason, usage=_usage(document.get("usage"), messages, content))


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


def _usage(value: object, messages: Sequence[Message], content: str) -> Usage:
    """Return the reported usage, or an estimate without one: an omitted usage must not evade a budget."""
    if value is None:
        return _estimate(messages, content)
    usage = _object(value)
    prompt, completion = (_count(usage.get(name)) for name in ("prompt_tokens", "completion_tokens"))
    # Every prompt has tokens: servers that don't count them report zero.
    return Usage(prompt, completion) if prompt else _estimate(messages, content)


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MAX_COUNT:
        raise Garbled
    return value


def _estimate(messages: Sequence[Message], content: str) -> Usage:
    return Usage(estimate_tokens(messages), estimate_text_tokens(content), estimated=True)
