"""Answers of runs as Anthropic's messages."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from api.inference.run_views import RunView
from api.wires.messages.blocks import REDACTED_THINKING, THINKING
from api.wires.run_members import assay_member
from api.wires.streams.fragments import parts_of
from assay_temporal.contracts import Answer, TokenUsage
from domain.refusals import Kind, Refusal

_REASONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "stop": "end_turn",
        "length": "max_tokens",
        "tool_calls": "tool_use",
        "content_filter": "refusal",
        "stop_sequence": "stop_sequence",
    }
)


def message_of_run(view: RunView, stops: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the message of a run, with its body in the member ``assay``. ``stops`` are the request's stop sequences.

    Raises:
        Refusal: INTERNAL, for a run without an answer.
    """
    result = view.result
    if result is None or (answer := result.result) is None:
        raise Refusal(Kind.INTERNAL, "the run has no answer")
    return {
        "id": view.id,
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": blocks_of_answer(answer),
        **ending(answer, stops),
        "usage": usage_of_run(result.usage),
        "assay": assay_member(view),
    }


def blocks_of_answer(answer: Answer) -> list[dict[str, Any]]:
    """Return the content blocks of an answer, in order, without empty texts."""
    return [_block(part) for part in parts_of(answer) if _is_block(part)]


def _is_block(part: Mapping[str, Any]) -> bool:
    """Test for a part with a place in the format: no empty text, no other provider's opaque item."""
    if part["type"] == "opaque":
        return part["label"] in (THINKING, REDACTED_THINKING)
    return part["type"] != "text" or bool(part["text"])


def _block(part: Mapping[str, Any]) -> dict[str, Any]:
    match part["type"]:
        case "tool_call":
            return {
                "type": "tool_use",
                "id": part["call_id"],
                "name": part["name"],
                "input": input_of(part["arguments"]),
            }
        case "opaque" if part["label"] == REDACTED_THINKING:
            return {"type": "redacted_thinking", "data": part["data"]}
        case "opaque":
            return {"type": "thinking", "thinking": part.get("text") or "", "signature": part["data"]}
        case _:
            return {"type": "text", "text": part["text"]}  # the AI SDK refuses null citations


def input_of(arguments: str) -> dict[str, Any]:
    """Return a call's arguments as an object, others within one."""
    try:
        found = json.loads(arguments) if arguments.strip() else {}
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {"invalid_json": arguments}


def ending(answer: Answer, stops: tuple[str, ...]) -> dict[str, str | None]:
    """Return the reason for the answer's end, and the stop sequence, if known."""
    reason = stop_reason(answer)
    sequence = stops[0] if reason == "stop_sequence" and len(stops) == 1 else None
    return {"stop_reason": reason, "stop_sequence": sequence}


def stop_reason(answer: Answer) -> str:
    """Return the reason by a name of the format: some clients fail on another."""
    kinds = {part.get("type") for part in answer.parts}
    if "refusal" in kinds:
        return "refusal"
    reason = _REASONS.get(answer.finish_reason, "end_turn")
    return "tool_use" if reason == "end_turn" and "tool_call" in kinds else reason


def usage_of_run(usage: TokenUsage | None) -> dict[str, Any]:
    """Return the tokens of a run: those of a provider's cache are apart from ``input_tokens`` in the format."""
    if usage is None:
        return dict.fromkeys(
            ("input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"), 0
        )
    made: dict[str, Any] = {
        "input_tokens": usage.prompt_tokens - usage.cached_tokens - usage.cache_write_tokens,
        "output_tokens": usage.completion_tokens,
        "cache_creation_input_tokens": usage.cache_write_tokens,
        "cache_read_input_tokens": usage.cached_tokens,
    }
    if usage.reasoning_tokens:
        made["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    return made
