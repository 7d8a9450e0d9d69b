"""Parsing of chat completions from possibly broken or hostile senders. What is usable of an answer is used."""

import json
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from adapters.models.error_bodies import status_of
from adapters.models.failures import Unusable, error_failure, filtered, garbled, request_failure, unrequested_tool_call
from adapters.models.usage import Reported, reported, usage_of
from domain.inference.content import Content, Part, RefusalPart, TextPart, ToolCall
from domain.inference.models import ModelAnswer, ModelCall, ProviderFailure, Usage
from domain.inference.token_estimates import estimate_answer_tokens, estimate_text_tokens

UNKNOWN_REASON: Final = "unknown"
"""The finish reason of an answer whose server gives none that is a name."""

_REASON: Final = re.compile(r"[a-z_]{1,32}")
_REASONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("end_turn", "stop_sequence", "eos", "eos_token", "complete", "completed", "finished"), "stop"),
        **dict.fromkeys(("max_tokens", "max_output_tokens", "max_length", "model_length"), "length"),
        **dict.fromkeys(("tool_use", "tool_call", "function_call"), "tool_calls"),
        **dict.fromkeys(
            ("content_filtered", "refusal", "safety", "recitation", "blocklist", "prohibited_content", "spii"),
            "content_filter",
        ),
        **dict.fromkeys(("guardrail_intervened", "sensitive", "language", "image_safety"), "content_filter"),
    }
)
"""Names that other formats have for OpenAI's reasons."""
_TEXTS: Final = frozenset({"text", "output_text", "input_text"})
_REASONING: Final = frozenset({"thinking", "reasoning", "reasoning_text"})
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def read_answer(body: bytes, call: ModelCall) -> ModelAnswer:
    """Return the first choice of a chat completion, as JSON in UTF-8. Usage is estimated from ``call`` if need be.

    Raises:
        Unusable: no chat completion; a refusal by the provider's filter; or a call of a tool that was not offered.
    """
    document = decoded_answer(body)
    found = reported(document)
    choices = document.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    message = _message(choice) if isinstance(choice, Mapping) else None
    if not isinstance(choice, Mapping) or message is None:
        raise Unusable(_without_answer(document, choice, call, found))
    reason = _reason(choice, message)
    content, calls = _content(message)
    offered = bool(call.request.tools)
    called = _tool_calls(calls) if offered else ()
    if called:
        content = (*_parts(content), *called)
    shown = estimate_answer_tokens(content) + sum(estimate_text_tokens(text) for text in _reasoning(message))
    usage = usage_of(call, found, shown, cut=reason == "length")
    if called is None or not isinstance(message.get("content"), str | list | Mapping | None):
        raise Unusable(garbled(usage))
    if not content and reason == "content_filter":
        raise Unusable(filtered(usage))
    if not content and calls and not offered:
        raise Unusable(unrequested_tool_call(usage))
    return ModelAnswer(content, reason, usage)


def decoded_answer(body: bytes) -> Mapping[str, Any]:
    """Return the body as a JSON object.

    Raises:
        Unusable: it is invalid, or another value.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, Mapping):
        return document
    # A page is a proxy's or another server's, and no model was asked. Raised outside of the handler: the decoder's
    # error, which contains the body, would be kept as the context.
    raise Unusable(garbled(Usage(0, 0) if body.lstrip()[:1] == b"<" else None))


def _without_answer(
    document: Mapping[str, Any], choice: object, call: ModelCall, found: Reported | None
) -> ProviderFailure:
    """Return the failure for a completion without a message: some servers send errors with the status 200."""
    usage = None if found is None else usage_of(call, found, 0)
    error = choice if isinstance(choice, Mapping) and "error" in choice else document
    if error.get("error"):
        if (status := status_of(error)) is not None:
            return error_failure(status, error, usage=usage)
        if (known := request_failure(error, usage)) is not None:
            return known
    if _prompt_was_filtered(document):
        return filtered(usage)
    return garbled(usage)


def _prompt_was_filtered(document: Mapping[str, Any]) -> bool:
    """Test for the prompt's results of Azure's filter, or Gemini's reason for a block."""
    feedback = document.get("promptFeedback")
    if isinstance(feedback, Mapping) and feedback.get("blockReason"):
        return True
    results = document.get("prompt_filter_results")
    return isinstance(results, list) and any(
        isinstance(category, Mapping) and category.get("filtered") is True
        for result in results
        if isinstance(result, Mapping) and isinstance(found := result.get("content_filter_results"), Mapping)
        for category in found.values()
    )


def _message(choice: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the message of a choice; of a legacy completion, its text as one."""
    for name in ("message", "delta"):
        if isinstance(message := choice.get(name), Mapping):
            return message
    text = choice.get("text")
    return {"content": text} if isinstance(text, str) else None


def _reason(choice: Mapping[str, Any], message: Mapping[str, Any]) -> str:
    for value in (choice.get("finish_reason"), choice.get("stop_reason"), message.get("stop_reason")):
        if isinstance(value, str) and value:
            name = value.strip().lower().replace("-", "_").replace(" ", "_")
            return _REASONS.get(name, name) if _REASON.fullmatch(name) else UNKNOWN_REASON
    return UNKNOWN_REASON


def _content(message: Mapping[str, Any]) -> tuple[Content, list[Any]]:
    """Return the content, as text if possible, and the unchecked tool calls."""
    texts: list[str] = []
    refusals: list[str] = []
    for kind, text in _said(message.get("content")):
        (refusals if kind == "refusal" else texts).append(text)
    if isinstance(refusal := message.get("refusal"), str):
        refusals.append(cleaned(refusal))
    calls = message.get("tool_calls")
    found = list(calls) if isinstance(calls, list) else []
    if message.get("function_call"):  # the form before tools
        found.append({"function": message["function_call"]})
    text = "".join(texts)
    return (*_parts(text), RefusalPart("".join(refusals))) if any(refusals) else text, found


def _parts(content: Content) -> tuple[Part, ...]:
    if isinstance(content, str):
        return (TextPart(content),) if content else ()
    return content


def _said(content: object) -> Iterator[tuple[str, str]]:
    """Yield the texts of a content with their kinds: of a text, or of parts; reasoning and files are none."""
    for part in content if isinstance(content, list) else [content]:
        if isinstance(part, str):
            yield "text", cleaned(part)
        elif isinstance(part, Mapping):
            kind = str(part.get("type", "text"))
            text = part.get("refusal") if kind == "refusal" else part.get("text")
            text = text.get("value") if isinstance(text, Mapping) else text
            if isinstance(text, str) and (kind == "refusal" or kind in _TEXTS):
                yield kind, cleaned(text)


def _reasoning(message: Mapping[str, Any]) -> Iterator[str]:
    """Yield the texts of the model's reasoning: no part of the answer, and paid for."""
    for name in ("reasoning_content", "reasoning", "thinking"):
        if isinstance(text := message.get(name), str):
            yield text
            return
    content = message.get("content")
    for part in content if isinstance(content, list) else ():
        if isinstance(part, Mapping) and str(part.get("type")) in _REASONING:
            yield from _texts_within(part)


def _texts_within(part: Mapping[str, Any]) -> Iterator[str]:
    for name in ("text", "thinking", "reasoning"):
        inner = part.get(name)
        if isinstance(inner, str):
            yield inner
        elif isinstance(inner, list):
            found = (item.get("text") for item in inner if isinstance(item, Mapping))
            yield from (text for text in found if isinstance(text, str))


def _tool_calls(calls: list[Any]) -> tuple[ToolCall, ...] | None:
    """Return tool calls; None if one names no function."""
    found: list[ToolCall] = []
    for at, call in enumerate(calls):
        function = call.get("function") if isinstance(call, Mapping) else None
        if not isinstance(function, Mapping) or not isinstance(name := function.get("name"), str) or not name:
            return None
        call_id, arguments = call.get("id"), function.get("arguments")
        named = cleaned(call_id) if isinstance(call_id, str) and call_id else f"call_{at}"
        if not isinstance(arguments, str):  # some servers send the object itself
            arguments = json.dumps({} if arguments is None else arguments, ensure_ascii=False)
        found.append(ToolCall(named, cleaned(name), cleaned(arguments)))
    return tuple(found)


def cleaned(text: str) -> str:
    """Return the text with unpaired surrogates, which no UTF-8 can hold, as U+FFFD."""
    return _SURROGATE.sub("\ufffd", text) if _SURROGATE.search(text) else text
