"""Token counts of chat completions, as servers report them: by several names, as numbers or texts, or in part.

A count is used where it can be one. What is missing is estimated, and what is more than the call can have used is
reduced to that, so that one absurd figure uses up no budget.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from domain.inference.content import OpaqueItem
from domain.inference.models import ModelCall, Usage
from domain.inference.requests import InferenceRequest
from domain.inference.texts import texts_of, unread_of
from domain.inference.token_estimates import (
    ATTACHMENT_TOKENS,
    CONVERSATION_OVERHEAD,
    MESSAGE_OVERHEAD,
    estimate_tokens,
)

_MOST_CLAIMED: Final = 2**53 - 1  # the largest integer that every reader of JSON has exactly (RFC 8259 section 6)
_TEMPLATE_TOKENS: Final = 1_024  # a server's own system message, or that of its tools
_PLACES: Final = ("usage", "usageMetadata", "usage_metadata")
_WITHIN: Final = ("tokens", "billed_units")
_PROMPT: Final = ("prompttokens", "inputtokens", "prompttokencount", "inputtokencount", "promptevalcount")
_COMPLETION: Final = (
    *("completiontokens", "outputtokens", "generatedtokens", "completiontokencount", "outputtokencount"),
    *("candidatestokencount", "generatedtokencount", "evalcount"),
)
_TOTAL: Final = ("totaltokens", "totaltokencount")
_DIGITS: Final = re.compile(r"\s*(\d{1,30})(?:\.0+)?\s*")


@dataclass(frozen=True, slots=True)
class _Count:
    """A reported count; ``exact`` unless it came as something else than a whole number."""

    tokens: int
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Reported:
    """Reported counts: those that are possible ones."""

    prompt: _Count | None
    completion: _Count | None
    total: _Count | None
    cached: int
    cache_write: int
    reasoning: int


def reported(document: Mapping[str, Any]) -> Reported | None:
    """Return the counts of a chat completion. None if it has none."""
    for usage in _usages(document):
        counts = {_plain(name): _count(value) for name, value in usage.items()}
        prompt, completion, total = (_first(counts, names) for names in (_PROMPT, _COMPLETION, _TOTAL))
        if prompt and not prompt.tokens:  # every prompt has tokens: servers that don't count them report zero
            prompt = None
        if prompt is None and completion is None and total is None:
            continue
        read, written = (_tokens(counts.get(f"cache{name}inputtokens")) for name in ("read", "creation"))
        if prompt and counts.get("prompttokens") is None and (read or written):  # Anthropic counts them beside
            prompt = _Count(prompt.tokens + read + written, prompt.exact)
        cached = max(read, _tokens(counts.get("promptcachehittokens")), _detail(usage, "cached_tokens"))
        return Reported(prompt, completion, total, cached, written, _detail(usage, "reasoning_tokens"))
    return None


def usage_of(call: ModelCall, found: Reported | None, written: int, *, cut: bool = False) -> Usage:
    """Return the usage to charge for a call.

    Args:
        call: the call, which bounds the counts, with the context of its model.
        found: the reported counts, if any.
        written: an estimate of the tokens of all that the answer shows.
        cut: the answer ended at the limit on its tokens.
    """
    most = call.request.max_tokens
    if found is None:
        return Usage(estimate_tokens(call.request), max(written, most if cut else 0), estimated=True)
    prompt, completion = _completed(found, written)
    exact = prompt is not None and completion is not None and prompt.exact and completion.exact
    read = estimate_tokens(call.request) if prompt is None else prompt.tokens
    wrote = max(written, most if cut else 0) if completion is None else completion.tokens
    context = call.model.context_tokens
    charged = min(read, context, most_prompt_tokens(call.request)) if prompt else read
    answered = min(wrote, context, max(most, written)) if completion else wrote
    reduced = (charged, answered) != (read, wrote)
    cached = min(charged, found.cached)
    return Usage(
        charged,
        answered,
        estimated=not exact or reduced,
        cached_tokens=cached,
        cache_write_tokens=min(charged - cached, found.cache_write),
        reasoning_tokens=min(answered, found.reasoning),
        claimed_tokens=min(read + wrote, _MOST_CLAIMED) if reduced else 0,
    )


def most_prompt_tokens(request: InferenceRequest) -> int:
    """Return the most tokens that a request can have: one for each UTF-8 byte, and the server's template."""
    texts = texts_of(request)
    frames = len(request.messages) + len(request.tools) + sum(text.address.part is not None for text in texts)
    unread = sum(
        len(item.data) if isinstance(item, OpaqueItem) else ATTACHMENT_TOKENS for _, item in unread_of(request)
    )
    shown = sum(len(text.text.encode("utf-8", "surrogatepass")) for text in texts)
    return shown + unread + MESSAGE_OVERHEAD * frames + CONVERSATION_OVERHEAD + _TEMPLATE_TOKENS


def _completed(found: Reported, written: int) -> tuple[_Count | None, _Count | None]:
    """Return prompt and completion, each from the total if it is missing. None where neither helps."""
    prompt, completion, total = found.prompt, found.completion, found.total.tokens if found.total else 0
    if completion and not completion.tokens and written:  # an answer has tokens, too
        completion = None
    if prompt and completion and total > prompt.tokens + completion.tokens:  # some count reasoning in the total alone
        completion = _Count(total - prompt.tokens, completion.exact)
    elif prompt and completion is None and total > prompt.tokens:
        completion = _Count(total - prompt.tokens, exact=False)
    elif completion and prompt is None and total > completion.tokens:
        prompt = _Count(total - completion.tokens, exact=False)
    return prompt, completion


def _usages(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for name in _PLACES:
        usage = document.get(name)
        if isinstance(usage, Mapping):
            yield usage
            yield from (inner for part in _WITHIN if isinstance(inner := usage.get(part), Mapping))
    yield document  # Ollama's own format


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def _first(counts: Mapping[str, _Count | None], names: tuple[str, ...]) -> _Count | None:
    return next((count for name in names if (count := counts.get(name)) is not None), None)


def _detail(usage: Mapping[str, Any], name: str) -> int:
    """Return a count that many servers omit, from the groups of details."""
    groups = [usage, *(group for key, group in usage.items() if "details" in key and isinstance(group, Mapping))]
    return max(_tokens(_count(group.get(name))) for group in groups)


def _tokens(count: _Count | None) -> int:
    return count.tokens if count else 0


def _count(value: object) -> _Count | None:
    match value:
        case bool():
            return None
        case int() if value >= 0:
            return _Count(value)
        case float() if value >= 0 and math.isfinite(value):
            return _Count(math.ceil(value), exact=value.is_integer())
        case str() if (digits := _DIGITS.fullmatch(value)) is not None:
            return _Count(int(digits[1]), exact=False)
        case _:
            return None
