"""Fields of a response's request: for each its place, honoured, dropped and named, or refused by name."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from api.wires.members import drop_others
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

COUNT_FIELDS: Final = frozenset(
    {
        *("conversation", "input", "instructions", "model", "parallel_tool_calls", "personality"),
        *("previous_response_id", "reasoning", "text", "tool_choice", "tools", "truncation"),
    }
)
"""The fields of a request to count tokens. One that is not a response's is dropped as unknown."""

_SERVERS: Final = ("type", "id", "status")
READ: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "message": frozenset({*_SERVERS, "role", "content", "phase"}),
        "function_call": frozenset({*_SERVERS, "call_id", "name", "namespace", "arguments"}),
        "function_call_output": frozenset({*_SERVERS, "call_id", "output", "name", "namespace"}),
        "custom_tool_call": frozenset({*_SERVERS, "call_id", "name", "namespace", "input"}),
        "custom_tool_call_output": frozenset({*_SERVERS, "call_id", "output"}),
        "reasoning": frozenset({*_SERVERS, "summary", "encrypted_content", "content"}),
        "item_reference": frozenset({"type", "id"}),
        "input_text": frozenset({"type", "text", "annotations", "logprobs"}),
        "output_text": frozenset({"type", "text", "annotations", "logprobs"}),
        "text": frozenset({"type", "text", "annotations", "logprobs"}),
        "refusal": frozenset({"type", "refusal"}),
        "input_image": frozenset({"type", "image_url", "detail", "file_id"}),
        "input_file": frozenset({"type", "file_data", "filename", "file_id", "file_url", "detail"}),
        "function": frozenset({"type", "name", "description", "parameters", "strict"}),
        "custom": frozenset({"type", "name", "description", "format"}),
        "namespace": frozenset({"type", "name", "description", "tools"}),
    }
)
"""Members that are read, or that say nothing to a model, by type."""

DROPPED: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "function_call": frozenset({"caller", "async"}),
        "function_call_output": frozenset({"caller"}),
        "custom_tool_call": frozenset({"caller", "async"}),
        "custom_tool_call_output": frozenset({"caller"}),
        "input_text": frozenset({"prompt_cache_breakpoint"}),
        "input_image": frozenset({"prompt_cache_breakpoint"}),
        "input_file": frozenset({"prompt_cache_breakpoint"}),
        "function": frozenset({"allowed_callers", "async", "defer_loading", "output_schema"}),
        "custom": frozenset({"allowed_callers", "async", "defer_loading"}),
    }
)
"""Members that are dropped and named."""

REFUSED_ITEMS: Final = frozenset(
    {
        *("additional_tools", "apply_patch_call", "apply_patch_call_output", "code_interpreter_call", "compaction"),
        *("compaction_trigger", "computer_call", "computer_call_output", "configuration_update", "file_search_call"),
        *("image_generation_call", "local_shell_call", "local_shell_call_output", "mcp_approval_request"),
        *("mcp_approval_response", "mcp_call", "mcp_list_tools", "program", "program_output", "shell_call"),
        *("shell_call_output", "tool_search_call", "tool_search_output", "web_search_call"),
    }
)
"""Types of items that are refused: those of tools of a provider, and of a conversation that it holds."""

REFUSED_TOOLS: Final = frozenset({"apply_patch", "local_shell", "programmatic_tool_calling", "shell"})
"""Types of tools that are refused: their form is a provider's own. The policy decides on those that it runs."""

READ_CHOICES: Final = frozenset({"allowed_tools", "custom", "function"})
"""Types of a choice of tools that are read. Others are refused."""


def drop_members(item: Mapping[str, Any], kind: str, place: str, ignored: set[str]) -> None:
    """Add the members of an item, part or tool that are not read to ``ignored``."""
    dropped_here = DROPPED.get(kind, frozenset())
    drop_others(item, READ[kind] | dropped_here, place, ignored)
    ignored.update(f"{place}.{name}" for name in dropped_here if item.get(name))
