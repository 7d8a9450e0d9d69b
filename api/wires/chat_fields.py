"""Fields of a chat completion's request: for each its place, honoured, dropped and named, or refused by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Placing(StrEnum):
    """Treatment of a field of a client's format."""

    HONOURED = "honoured"
    DROPPED = "dropped"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class PlacedField:
    """A field's treatment. ``neutral`` values, and null, are accepted always: they ask for nothing."""

    placing: Placing
    note: str
    neutral: tuple[object, ...] = ()

    def asks(self, value: object) -> bool:
        """Return True for a value that asks for something."""
        return value is not None and not any(
            value == neutral and isinstance(value, bool) == isinstance(neutral, bool) for neutral in self.neutral
        )


def _honoured(note: str) -> PlacedField:
    return PlacedField(Placing.HONOURED, note)


def _dropped(note: str, *neutral: object) -> PlacedField:
    return PlacedField(Placing.DROPPED, note, neutral)


def _refused(note: str, *neutral: object) -> PlacedField:
    return PlacedField(Placing.REFUSED, note, neutral)


CHAT_FIELDS: Final[Mapping[str, PlacedField]] = MappingProxyType(
    {
        "model": _honoured("an alias of the policy"),
        "messages": _honoured("roles system, developer, user, assistant and tool; text, refusals, calls, results"),
        "temperature": _honoured("0 to 2; by default the policy's"),
        "top_p": _honoured("0 to 1"),
        "max_tokens": _honoured("within the policy's limit"),
        "max_completion_tokens": _honoured("the same as max_tokens"),
        "stop": _honoured("a text, or up to 4"),
        "seed": _honoured("a whole number of 64 bits"),
        "tools": _honoured("functions, up to 128"),
        "tool_choice": _honoured("auto, none, required, or a function"),
        "parallel_tool_calls": _honoured("false asks for at most one call"),
        "response_format": _honoured("text, json_object, json_schema"),
        "metadata": _honoured("stored, encrypted, with the request; never sent to a model"),
        "stream": _refused("streams are not available yet: send false", False),
        "n": _refused("one choice an answer", 1),
        "logprobs": _refused("not available", False),
        "top_logprobs": _refused("not available", 0),
        "store": _refused("answers are kept as their run is, not as a provider's data set", False),
        "functions": _refused("use tools", []),
        "function_call": _refused("use tool_choice", "auto", "none"),
        "audio": _refused("text alone"),
        "modalities": _refused("text alone", ["text"]),
        "web_search_options": _refused("the provider would reach past the gateway"),
        "moderation": _refused("the policy decides"),
        "frequency_penalty": _dropped("a hint to sampling", 0),
        "presence_penalty": _dropped("a hint to sampling", 0),
        "logit_bias": _dropped("a hint to sampling", {}),
        "reasoning_effort": _dropped("a hint to reasoning"),
        "verbosity": _dropped("a hint to length"),
        "prediction": _dropped("a hint to speed"),
        "service_tier": _dropped("the policy's models decide", "auto", "default"),
        "stream_options": _dropped("goes with streams"),
        "prompt_cache_key": _dropped("would join callers of a provider's cache"),
        "prompt_cache_retention": _dropped("a hint to a provider's cache"),
        "prompt_cache_options": _dropped("a hint to a provider's cache"),
        "safety_identifier": _dropped("identifies a person"),
        "user": _dropped("identifies a person"),
    }
)
"""The fields of the request type of OpenAI's SDK (3.57), by name. Unknown fields are dropped and named."""
