"""Fields of a chat completion's request: for each its place, honoured, dropped and named, or refused by name."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from api.wires.placing import PlacedField, dropped, honoured, refused

CHAT_FIELDS: Final[Mapping[str, PlacedField]] = MappingProxyType(
    {
        "model": honoured("an alias of the policy"),
        "messages": honoured("the roles system, developer, user, assistant, tool; text, images, files, calls, results"),
        "temperature": honoured("0 to 2; by default the policy's"),
        "top_p": honoured("0 to 1"),
        "max_tokens": honoured("within the policy's limit"),
        "max_completion_tokens": honoured("the same as max_tokens"),
        "stop": honoured("a text, or up to 4"),
        "seed": honoured("a whole number of 64 bits"),
        "tools": honoured("functions, up to 128"),
        "tool_choice": honoured("auto, none, required, or a function"),
        "parallel_tool_calls": honoured("false asks for at most one call"),
        "response_format": honoured("text, json_object, json_schema"),
        "metadata": honoured("stored, encrypted, with the request; never sent to a model"),
        "stream": honoured("true asks for server-sent events"),
        "stream_options": honoured("include_usage; goes with stream"),
        "frequency_penalty": honoured("-2 to 2, for models that accept it"),
        "presence_penalty": honoured("-2 to 2, for models that accept it"),
        "logit_bias": honoured("by IDs of tokens, for models that accept it"),
        "reasoning_effort": honoured("for models that accept it"),
        "verbosity": honoured("for models that accept it"),
        "prompt_cache_key": honoured("hashed with the tenant, for models that accept it"),
        "safety_identifier": honoured("a keyed hash of it, for models that accept it"),
        "user": honoured("the same as safety_identifier"),
        "web_search_options": honoured("a tool that its provider runs: stripped or refused by the policy"),
        "n": refused("one choice an answer", 1),
        "logprobs": refused("not available", False),
        "top_logprobs": refused("not available", 0),
        "store": refused("answers are kept as their run is, not as a provider's data set", False),
        "functions": refused("use tools", []),
        "function_call": refused("use tool_choice", "auto", "none"),
        "audio": refused("text alone"),
        "modalities": refused("text alone", ["text"]),
        "moderation": refused("the policy decides"),
        "prediction": dropped("a hint to speed"),
        "service_tier": dropped("the policy's models decide", "auto", "default"),
        "prompt_cache_retention": dropped("a hint to a provider's cache"),
        "prompt_cache_options": dropped("a hint to a provider's cache"),
    }
)
"""The fields of the request type of OpenAI's SDK (3.57), by name. Unknown fields are dropped and named."""
