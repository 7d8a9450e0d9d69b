"""Tools of Anthropic's requests, and their use."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from api.wires.dropped import strip_provider_tool
from api.wires.members import drop_others, list_of, object_of
from api.wires.messages.blocks import Named, cache_of
from api.wires.messages.members import known_members
from domain.inference.bodies.values import wrong

_USES: Final[Mapping[str, str]] = MappingProxyType({"auto": "auto", "any": "required", "none": "none", "tool": "named"})


def read_tools(given: Mapping[str, Any], ignored: Named) -> dict[str, Any]:
    """Return the fields of the body for tools. Without tools, a choice that requires none says nothing.

    Raises:
        Refusal: INVALID_REQUEST, with the field as the client named it.
    """

    def read(tool: Mapping[str, Any], field: str) -> dict[str, Any] | None:
        return None if strip_provider_tool(tool, ignored) else _tool(tool, field, ignored)

    tools = [tool for tool in list_of(given.get("tools", []), "tools", read) if tool is not None]
    found: dict[str, Any] = {"tools": tools} if tools else {}
    if "tool_choice" not in given:
        return found
    choice = object_of(given["tool_choice"], "tool_choice")
    drop_others(choice, known_members("tool_choice"), "tool_choice", ignored)
    use, single = choice.get("type"), choice.get("disable_parallel_tool_use")
    if not isinstance(use, str) or use not in _USES:
        raise wrong("tool_choice.type", "must be auto, any, none or tool")
    if single is not None and not isinstance(single, bool):
        raise wrong("tool_choice.disable_parallel_tool_use", "must be true or false")
    if tools or use not in ("auto", "none"):
        found["tool_choice"] = {"use": _USES[use], **({"name": choice.get("name")} if use == "tool" else {})}
    return {**found, "one_tool_call": True} if tools and single else found


def _tool(tool: Mapping[str, Any], field: str, ignored: Named) -> dict[str, Any]:
    if tool.get("type") not in (None, "custom"):
        raise wrong(f"{field}.type", "is refused: only 'custom' is available")
    drop_others(tool, known_members("custom"), "tools", ignored)
    if tool.get("input_schema") is None:
        raise wrong(f"{field}.input_schema", "is required")
    made = {name: tool[name] for name in ("name", "description", "strict") if tool.get(name) is not None}
    return {**made, "parameters": tool["input_schema"], **cache_of(tool, field, ignored)}
