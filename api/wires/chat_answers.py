"""Answers of runs as chat completions."""

from collections.abc import Mapping
from typing import Any, Final

from api.inference.run_views import RunView
from assay_temporal.contracts import Answer, TokenUsage
from domain.refusals import Kind, Refusal

_REASONS: Final = frozenset({"stop", "length", "tool_calls", "content_filter"})
_MS_SHIFT: Final = 80


def completion_of(view: RunView) -> dict[str, Any]:
    """Return the chat completion of a run, with its body in the member ``assay``.

    Raises:
        Refusal: INTERNAL, for a run without an answer.
    """
    result = view.result
    if result is None or (answer := result.result) is None:
        raise Refusal(Kind.INTERNAL, "the run has no answer")
    message = _message(answer)
    return {
        "id": view.id,
        "object": "chat.completion",
        "created": _created(view),
        "model": answer.model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": _reason(answer, message)}],
        "usage": _usage(result.usage),
        "assay": assay_member(view),
    }


def assay_member(view: RunView) -> dict[str, Any]:
    """Return the body of the run without its answer, which is beside it."""
    return {name: value for name, value in view.body().items() if name not in ("result", "usage")}


def _message(answer: Answer) -> dict[str, Any]:
    parts = answer.parts or ({"type": "text", "text": answer.content},)
    texts, refusals = _texts(parts, "text"), _texts(parts, "refusal")
    calls = [
        {
            "id": part["call_id"],
            "type": "function",
            "function": {"name": part["name"], "arguments": part["arguments"]},
        }
        for part in parts
        if part.get("type") == "tool_call"
    ]
    silent = (calls or refusals) and not texts
    message: dict[str, Any] = {
        "role": "assistant",
        "content": None if silent else "".join(texts),
        "refusal": "".join(refusals) if refusals else None,
    }
    if calls:
        message["tool_calls"] = calls
    return message


def _texts(parts: tuple[dict[str, Any], ...], kind: str) -> list[str]:
    return [str(part.get("text", "")) for part in parts if part.get("type") == kind]


def _reason(answer: Answer, message: Mapping[str, Any]) -> str:
    """Return the reason by a name that clients know: some fail on another."""
    if answer.finish_reason in _REASONS:
        return "tool_calls" if answer.finish_reason == "stop" and "tool_calls" in message else answer.finish_reason
    return "tool_calls" if "tool_calls" in message else "stop"


def _usage(usage: TokenUsage | None) -> dict[str, int] | None:
    if usage is None:
        return None
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
    }


def _created(view: RunView) -> int:
    """Return the run's start in epoch seconds, from its event's UUIDv7 (RFC 9562)."""
    event = view.event
    return 0 if event is None else (event.int >> _MS_SHIFT) // 1000
