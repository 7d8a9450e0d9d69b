"""Fields of a response's request: for each its place, honoured, dropped and named, or refused by name."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from api.wires.placing import PlacedField, dropped, honoured, refused

RESPONSES_FIELDS: Final[Mapping[str, PlacedField]] = MappingProxyType(
    {
        "model": honoured("an alias of the policy"),
        "input": honoured("a text, or items: messages, calls of functions and custom tools, results, reasoning"),
        "instructions": honoured("the first system message, of this response alone"),
        "previous_response_id": honoured("a response of the same caller: its conversation is put before the input"),
        "max_output_tokens": honoured("within the policy's limit"),
        "temperature": honoured("0 to 2; by default the policy's"),
        "top_p": honoured("0 to 1"),
        "tools": honoured("functions, also of a namespace, and custom tools. The policy decides on a provider's own"),
        "tool_choice": honoured("auto, none, required, a function, a custom tool, or allowed_tools"),
        "parallel_tool_calls": honoured("false asks for at most one call"),
        "text": honoured("format: text, json_object, json_schema; verbosity, a hint"),
        "metadata": honoured("stored, encrypted, with the request; never sent to a model"),
        "store": honoured("false: the response can't be read again. By default it is kept as long as its run"),
        "background": honoured("true: answered at once; read the response until it has ended. Not with store: false"),
        "reasoning": honoured("effort and summary: hints. Other members are dropped"),
        "include": honoured("reasoning.encrypted_content. Others are dropped: an answer has all that there is"),
        "prompt_cache_key": honoured("models receive a hash bound to the tenant, where the policy says so"),
        "safety_identifier": honoured("models receive a keyed hash, where the policy says so"),
        "user": honoured("the same as safety_identifier"),
        "stream": honoured("true: events, the answer's once it is recorded"),
        "conversation": refused("no conversations are kept: use previous_response_id"),
        "prompt": refused("no templates are kept: send instructions and input"),
        "top_logprobs": refused("not available", 0),
        "moderation": refused("the policy decides"),
        "truncation": dropped("a conversation that is too long is refused", "disabled"),
        "context_management": dropped("a hint to the provider's context", []),
        "max_tool_calls": dropped("limits a provider's own tools, of which there are none"),
        "service_tier": dropped("the policy's models decide", "auto", "default"),
        "stream_options": dropped("goes with streams", {"include_obfuscation": False}),
        "prompt_cache_retention": dropped("a hint to a provider's cache"),
        "prompt_cache_options": dropped("a hint to a provider's cache"),
        "access_programs": dropped("the policy's models decide"),
        "background_options": dropped("a hint to speed"),
        "image": dropped("no images are made", {}),
        "client_metadata": dropped("describes the client"),
    }
)
"""The fields of the request type of OpenAI's SDK (3.57), and those of Codex. Unknown fields are dropped and named."""
