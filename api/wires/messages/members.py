"""Members of the objects within Anthropic's requests, and the types of its blocks and tools: the place of each."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

READ: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "user": frozenset({"role", "content"}),
        "assistant": frozenset({"role", "content"}),
        "system": frozenset({"role", "content"}),
        "text": frozenset({"type", "text", "cache_control"}),
        "image": frozenset({"type", "source", "cache_control"}),
        "document": frozenset({"type", "source", "title", "context", "citations", "cache_control"}),
        "search_result": frozenset({"type", "source", "title", "content", "cache_control"}),
        "tool_use": frozenset({"type", "id", "name", "input", "cache_control"}),
        "tool_result": frozenset({"type", "tool_use_id", "content", "is_error", "cache_control"}),
        "thinking": frozenset({"type", "thinking", "signature"}),
        "redacted_thinking": frozenset({"type", "data"}),
        "custom": frozenset({"type", "name", "description", "input_schema", "strict", "cache_control"}),
        "tool_choice": frozenset({"type", "name", "disable_parallel_tool_use"}),
        "output_config": frozenset({"format", "effort"}),
        "output_format": frozenset({"type", "schema"}),
        "thinking_config": frozenset({"type", "budget_tokens"}),
        "metadata": frozenset({"user_id"}),
    }
)
"""Members that are read, by the object: messages by role, blocks and tools by type."""

DROPPED: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "system": frozenset({"clear_at", "output_config"}),
        "text": frozenset({"citations"}),
        "image": frozenset({"transformations"}),
        "search_result": frozenset({"citations"}),
        "tool_use": frozenset({"caller", "toolset_name"}),
        "tool_result": frozenset({"toolset_name"}),
        "custom": frozenset({"allowed_callers", "defer_loading", "eager_input_streaming", "input_examples"}),
        "output_config": frozenset({"task_budget"}),
        "thinking_config": frozenset({"display", "block_binding"}),
    }
)
"""Members that are dropped and named, as unknown ones are."""

REFUSED_BLOCKS: Final = frozenset(
    {
        *("server_tool_use", "web_search_tool_result", "web_fetch_tool_result", "code_execution_tool_result"),
        *("bash_code_execution_tool_result", "text_editor_code_execution_tool_result", "tool_search_tool_result"),
        *("advisor_tool_result", "mcp_tool_use", "mcp_tool_result", "mcp_tool_listing", "container_upload"),
        *("compaction", "tool_addition", "tool_removal", "fallback", "tool_reference", "browser_state"),
    }
)
"""Blocks that are refused by their type: those of tools that a provider runs, and of a conversation that it holds."""


def known_members(kind: str) -> frozenset[str]:
    """Return the members of an object that are read."""
    return READ[kind]
