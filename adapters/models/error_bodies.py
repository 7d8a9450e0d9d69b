"""Reasons in the bodies of errors, in the words of the common servers: OpenAI's form, and what others made of it.

A reason is only a kind: no text of a body leaves this module, since a message may quote the prompt or the key.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from domain.refusals import Kind

_MOST_TEXT: Final = 2_000  # code points of a message that are read
_DEPTH: Final = 4
_CODES: Final = ("code", "type", "error_type", "status", "reason")
_MESSAGES: Final = ("message", "detail", "msg", "error", "error_message", "raw")
_NESTED: Final = ("error", "errors", "innererror", "inner_error", "metadata", "detail", "details")
_HTTP_ERRORS: Final = range(400, 600)

_TOO_LONG_CODES: Final = frozenset(
    {
        "context_length_exceeded",  # OpenAI, Azure, Groq, Cerebras
        "exceed_context_size_error",  # llama.cpp
        "string_above_max_length",  # OpenAI, of one message
        "tokens_limit_reached",  # GitHub Models
        "model_max_prompt_tokens_exceeded",
        "contextwindowexceedederror",  # LiteLLM
        "request_too_large",  # Anthropic
        "max_tokens_exceeded",
        "1261",  # Zhipu
    }
)
_FILTER_CODES: Final = frozenset(
    {
        "content_filter",  # Azure, Moonshot
        "responsibleaipolicyviolation",  # Azure's inner code
        "content_policy_violation",  # OpenAI
        "contentpolicyviolationerror",  # LiteLLM
        "invalid_prompt",  # OpenAI's reasoning models
        "moderation_blocked",
        "data_inspection_failed",  # Alibaba
        "datainspectionfailed",
        "guardrail_intervened",  # Bedrock
        "prohibited_content",  # Gemini
        "safety",
        "1301",  # Zhipu
    }
)
_NAMED_LENGTH: Final = (
    r"context (?:length|window|size|limit)|(?:model|maximum|max)(?:'s)? (?:input|prompt|context|sequence|model)"
    r"(?: token)? ?(?:length|tokens|limit)|maximum number of tokens allowed|model token limit|max_model_len"
    r"|maximum (?:context|prompt|model) length|max seq(?:uence)? len(?:gth)?|max_num_tokens|configured limit of \d+ tok"
)
_TOO_LONG: Final = re.compile(
    r"maximum (?:context|prompt) length|contextwindowexceeded|context (?:length|window) exceeded"
    r"|context size has been exceeded|exceeds? the available context|maximum context length"
    r"|(?:prompt|input|inputs|messages|request) (?:is|are) too (?:long|large)\b"
    r"|prompt too long|too many (?:input |prompt )?tokens|reduce the length of the (?:messages|prompt|input)"
    r"|trying to keep the first \d+ tokens|`?inputs`? tokens? \+ `?max_new_tokens`?"
    r"|prompt contains \d+ tokens|range of input length should be|prompt exceeds max length"
    rf"|(?:exceeds?|exceeded|exceeding|longer than|greater than|larger than|too large for|overflows?)"
    rf"(?: [^\n]{{0,80}})? ?(?:{_NAMED_LENGTH})"
    r"|(?:context window|context length|context size)[^\n]{0,40} (?:exceed|overflow)"
    r"|token count[^\n]{0,40} exceeds",
    re.IGNORECASE,
)
_FILTERED: Final = re.compile(
    r"content[ _-]?(?:management|filter(?:ing)?|policy|polic[iy]es|moderation|safety|exists risk)"
    r"|contentpolicyviolation|usage (?:policy|policies|guidelines)|safety (?:system|filter|policy|settings)"
    r"|responsible ai|inappropriate content|flagged (?:as|for|by)|guardrail|considered high risk"
    r"|(?:prompt|input|request|content) (?:was |has been )?blocked (?:by|due to)|prompt pattern is blocked"
    r"|unsafe or sensitive content|敏感内容|不安全",
    re.IGNORECASE,
)


def parsed(body: bytes) -> object:
    """Return the body as JSON; None for invalid JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def codes_of(document: object) -> frozenset[str]:
    """Return all codes and types of an error, in lower case."""
    found = (error.get(name) for error in _errors(document) for name in _CODES)
    return frozenset(str(code).lower() for code in found if isinstance(code, str | int))


def kind_of(document: object) -> Kind | None:
    """Return the kind of an error about the request: too long, or filtered. None for any other."""
    codes = codes_of(document)
    if _TOO_LONG_CODES & codes:
        return Kind.CONTEXT_EXCEEDED
    if _FILTER_CODES & codes:
        return Kind.PROVIDER_FILTERED
    messages = tuple(_messages(document))
    if any(_TOO_LONG.search(text) for text in messages):
        return Kind.CONTEXT_EXCEEDED
    return Kind.PROVIDER_FILTERED if any(_FILTERED.search(text) for text in messages) else None


def status_of(document: object) -> int | None:
    """Return the HTTP status that an error in an answer with the status 200 names."""
    return next((int(code) for code in codes_of(document) if code.isdecimal() and int(code) in _HTTP_ERRORS), None)


def _errors(document: object, depth: int = _DEPTH) -> Iterator[Mapping[str, Any]]:
    """Yield the error and those within it."""
    for item in document if isinstance(document, list) else [document]:
        if isinstance(item, Mapping):
            yield item
            if depth:
                for name in _NESTED:
                    yield from _errors(item.get(name), depth - 1)


def _messages(document: object) -> Iterator[str]:
    if isinstance(document, str):
        yield document[:_MOST_TEXT]
    for error in _errors(document):
        yield from (text[:_MOST_TEXT] for name in _MESSAGES if isinstance(text := error.get(name), str))
