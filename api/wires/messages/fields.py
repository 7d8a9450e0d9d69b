"""Fields of Anthropic's messages: for each its place, honoured, dropped and named, or refused by name."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from api.wires.placing import PlacedField, dropped, honoured, refused

MESSAGES_FIELDS: Final[Mapping[str, PlacedField]] = MappingProxyType(
    {
        "model": honoured("an alias of the policy"),
        "messages": honoured(
            "roles user, assistant, system; text, images, documents as text, tool use and its results"
        ),
        "system": honoured("a text, or blocks of text"),
        "max_tokens": honoured("within the policy's limit"),
        "stop_sequences": honoured("up to 4"),
        "temperature": honoured("0 to 2; by default the policy's"),
        "top_p": honoured("0 to 1"),
        "tools": honoured("tools of the client, up to 128; those that a provider runs by policy"),
        "tool_choice": honoured("auto, any, none, or a tool; disable_parallel_tool_use"),
        "output_config": honoured("format: a JSON Schema; effort: a hint"),
        "output_format": honoured("the same as output_config.format"),
        "thinking": honoured("enabled, adaptive or disabled: a hint"),
        "cache_control": honoured("marks the last block for the provider's cache: a hint, as at blocks and tools"),
        "metadata": honoured("user_id: recorded; a provider receives a keyed hash at most"),
        "top_k": honoured("a hint to sampling"),
        "stream": honoured("true asks for server-sent events"),
        "mcp_servers": refused("the provider would reach past the gateway", []),
        "container": refused("the provider would reach past the gateway"),
        "fallbacks": refused("the policy's models have their own", []),
        "thread": refused("the provider would hold the conversation"),
        "compaction": refused("the answer would be no answer to the conversation"),
        "billing_policy": refused("the policy's keys decide", {"type": "billing_policy", "bill_to": "self"}),
        "inference_geo": refused("the policy's models decide"),
        "context_management": dropped("the provider would change the conversation"),
        "service_tier": dropped("the policy's models decide", "auto"),
        "speed": dropped("a hint to speed", "standard"),
        "user_profile_id": dropped("identifies a person"),
        "workspace_id": dropped("the policy's keys decide"),
        "fallback_credit_token": dropped("a hint to a provider's billing"),
        "diagnostics": dropped("a hint to the provider's diagnostics"),
        "betas": dropped("the format's own features are used where a model needs them", []),
    }
)
"""The fields of the request types of Anthropic's SDK (2.14), by name. Unknown fields are dropped and named."""

COUNT_FIELDS: Final = frozenset(
    {
        *("model", "messages", "system", "tools", "tool_choice", "output_config", "output_format", "mcp_servers"),
        *("thinking", "cache_control", "context_management", "speed", "betas", "billing_policy", "compaction"),
        *("user_profile_id", "workspace_id"),
    }
)
"""The fields of a request to count tokens."""
