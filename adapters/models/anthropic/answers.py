"""Parsing of Anthropic's messages from possibly broken or hostile senders. What is usable of an answer is used."""

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from adapters.models.anthropic.parts import REDACTED_THINKING, THINKING
from adapters.models.error_bodies import codes_of, status_of
from adapters.models.failures import (
    Unusable,
    error_failure,
    filtered,
    garbled,
    request_failure,
    unrequested_tool_call,
)
from adapters.models.openai_answers import UNKNOWN_REASON, cleaned, decoded_answer
from adapters.models.usage import Reported, reported, usage_of
from domain.inference.content import Content, OpaqueItem, Part, TextPart, ToolCall
from domain.inference.models import ModelAnswer, ModelCall, ProviderFailure
from domain.inference.token_estimates import estimate_answer_tokens, estimate_text_tokens

_REASON: Final = re.compile(r"[a-z_]{1,32}")
_REASONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "end_turn": "stop",
        "pause_turn": "stop",
        "max_tokens": "length",
        "model_context_window_exceeded": "length",
        "tool_use": "tool_calls",
        "refusal": "content_filter",
    }
)
"""OpenAI's names for Anthropic's reasons. ``stop_sequence`` and unknown ones keep their own."""
_STATUSES: Final[Mapping[str, int]] = MappingProxyType(
    {
        "authentication_error": 401,
        "billing_error": 402,
        "permission_error": 403,
        "not_found_error": 404,
        "rate_limit_error": 429,
        "api_error": 500,
        "timeout_error": 504,
        "overloaded_error": 529,
        "invalid_request_error": 400,
    }
)
"""Statuses of errors by their type, for those in answers with the status 200."""


def read_message(body: bytes, call: ModelCall) -> ModelAnswer:
    """Return a message, as JSON in UTF-8. Usage is estimated from ``call`` if need be.

    Raises:
        Unusable: no message; a refusal by the provider's filter; or a call of a tool that was not offered.
    """
    document = decoded_answer(body)
    found = reported(document)
    blocks = document.get("content")
    if document.get("type") == "error" or document.get("error") or not isinstance(blocks, list):
        raise Unusable(_without_message(document, call, found))
    reason, cut = _reason(document.get("stop_reason"))
    parts, thought, whole = _parts(blocks)
    calls = [part for part in parts if isinstance(part, ToolCall)]
    offered = bool(call.request.tools)
    content = _content(parts if offered else [part for part in parts if not isinstance(part, ToolCall)])
    shown = estimate_answer_tokens(content) + estimate_text_tokens(thought)
    usage = usage_of(call, found, shown, cut=cut)
    if not whole:
        raise Unusable(garbled(usage))
    if not content and reason == "content_filter":
        raise Unusable(filtered(usage))
    if not content and calls:
        raise Unusable(unrequested_tool_call(usage))
    return ModelAnswer(content, reason, usage)


def _without_message(document: Mapping[str, Any], call: ModelCall, found: Reported | None) -> ProviderFailure:
    """Return the failure for a body without a message: some servers send errors with the status 200."""
    usage = None if found is None else usage_of(call, found, 0)
    named = next((_STATUSES[code] for code in sorted(codes_of(document)) if code in _STATUSES), None)
    if (status := status_of(document) or named) is not None:
        return error_failure(status, document, usage=usage)
    if document.get("error") and (known := request_failure(document, usage)) is not None:
        return known
    return garbled(usage)


def _reason(value: object) -> tuple[str, bool]:
    """Return the reason's name, and True for an answer cut at its limit."""
    if not isinstance(value, str) or not _REASON.fullmatch(value):
        return UNKNOWN_REASON, False
    reason = _REASONS.get(value, value)
    return reason, reason == "length"


def _content(parts: list[Part]) -> Content:
    """Return a text alone as text."""
    if all(isinstance(part, TextPart) for part in parts):
        return "".join(part.text for part in parts if isinstance(part, TextPart))
    return tuple(parts)


def _parts(blocks: list[Any]) -> tuple[list[Part], str, bool]:
    """Return the parts, the unsigned reasoning, and False for a malformed block."""
    parts: list[Part] = []
    thought: list[str] = []
    for block in blocks:
        if not isinstance(block, Mapping):
            return parts, "".join(thought), False
        match block.get("type"), block:
            case "text", {"text": str(text)}:
                parts += [TextPart(cleaned(text))] if text else []
            case "tool_use", {"id": str(call_id), "name": str(name)} if call_id and name:
                parts.append(ToolCall(cleaned(call_id), cleaned(name), _arguments(block.get("input"))))
            case "thinking", {"signature": str(signature), "thinking": str(text)} if signature:
                parts.append(OpaqueItem(THINKING, signature, text or None))
            case "redacted_thinking", {"data": str(data)}:
                parts.append(OpaqueItem(REDACTED_THINKING, data))
            case "thinking", {"thinking": str(text)}:
                thought.append(text)
            case "text" | "tool_use" | "thinking" | "redacted_thinking", _:
                return parts, "".join(thought), False
            case _:
                pass  # blocks of a provider's tools, which were not asked for
    return parts, "".join(thought), True


def _arguments(value: object) -> str:
    """Return the arguments of a call as JSON text; some servers send the text itself."""
    if isinstance(value, str):
        return cleaned(value)
    return cleaned(json.dumps({} if value is None else value, separators=(",", ":"), ensure_ascii=False))
