"""Answers of runs as chat completions."""

from collections.abc import Mapping
from typing import Any, Final

from api.inference.run_views import RunView
from api.wires.run_members import assay_member, created
from api.wires.streams.fragments import parts_of
from assay_temporal.contracts import Answer, TokenUsage
from domain.refusals import Kind, Refusal

_REASONS: Final = frozenset({"stop", "length", "tool_calls", "content_filter"})


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
        "created": created(view),
        "model": answer.model,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish_reason(answer)}],
        "usage": usage_of(result.usage),
        "assay": assay_member(view),
    }


def _message(answer: Answer) -> dict[str, Any]:
    parts = parts_of(answer)
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


def _texts(parts: tuple[Mapping[str, Any], ...], kind: str) -> list[str]:
    return [str(part.get("text", "")) for part in parts if part.get("type") == kind]


def finish_reason(answer: Answer) -> str:
    """Return the reason for the answer's end by a name that clients know: some fail on another."""
    calls = any(part.get("type") == "tool_call" for part in answer.parts)
    if answer.finish_reason in _REASONS:
        return "tool_calls" if answer.finish_reason == "stop" and calls else answer.finish_reason
    return "tool_calls" if calls else "stop"


def usage_of(usage: TokenUsage | None) -> dict[str, Any] | None:
    """Return the charged tokens by the format's names, with details if there are some."""
    if usage is None:
        return None
    made: dict[str, Any] = {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
    }
    if usage.cached_tokens:
        made["prompt_tokens_details"] = {"cached_tokens": usage.cached_tokens}
    if usage.reasoning_tokens:
        made["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning_tokens}
    return made
