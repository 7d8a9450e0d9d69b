"""Tools of a response's request: functions, those of a namespace, and custom tools as functions of one text.

What a provider would run itself reaches past the gateway: the policy strips it or refuses the request.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from api.wires.dropped import strip_provider_tool
from api.wires.members import list_of, object_of
from api.wires.responses.fields import drop_members
from domain.inference.bodies.values import wrong

CUSTOM_INPUT: Final = "input"
"""The parameter that holds a custom tool's input."""
_FUNCTION: Final = ("name", "description", "parameters", "strict")
_USES: Final = ("auto", "none", "required")


@dataclass(slots=True)
class OfferedTools:
    """Tools of a request: as functions, with the names of custom ones, and each namespace by its function's name."""

    functions: list[dict[str, Any]] = field(default_factory=list)
    custom: list[str] = field(default_factory=list)
    namespaces: dict[str, str] = field(default_factory=dict)
    places: list[str] = field(default_factory=list)
    """The place of each function in the client's request."""

    def add(self, function: dict[str, Any], place: str) -> None:
        """Add a function."""
        self.functions.append(function)
        self.places.append(place)


def joined_name(name: object, namespace: object, place: str) -> Any:  # noqa: ANN401 - JSON
    """Return the name of a namespace's function. A name without a namespace is returned as it is.

    Raises:
        Refusal: INVALID_REQUEST for texts that are none.
    """
    if namespace is None:
        return name
    if not isinstance(namespace, str):
        raise wrong(f"{place}.namespace", "must be a string")
    if not isinstance(name, str):
        raise wrong(f"{place}.name", "must be a string")
    return f"{_stem(namespace)}{name}"


def name_within(joined: str, namespace: str) -> str:
    """Return the name that a function has within its namespace."""
    return joined.removeprefix(_stem(namespace))


def _stem(namespace: str) -> str:
    return namespace if namespace.endswith("__") else f"{namespace}__"


def read_tools(value: object, ignored: set[str]) -> OfferedTools:
    """Translate the definitions of tools.

    Raises:
        Refusal: INVALID_REQUEST, with the tool as the client named it.
    """
    offered = OfferedTools()
    for at, tool in enumerate(list_of(value, "tools", lambda tool, _: tool)):
        _tool(tool, f"tools.{at}", offered, ignored)
    return offered


def _tool(tool: Mapping[str, Any], place: str, offered: OfferedTools, ignored: set[str]) -> None:
    if strip_provider_tool(tool, ignored):
        return
    match tool.get("type"):
        case "function":
            offered.add(_function(tool, ignored), place)
        case "custom":
            offered.add(_custom(tool, place, ignored), place)
            offered.custom.append(tool["name"])
        case "namespace":
            _namespace(tool, place, offered, ignored)
        case _:
            raise wrong(f"{place}.type", "is refused: only 'function', 'custom' and 'namespace' are available")


def _function(tool: Mapping[str, Any], ignored: set[str]) -> dict[str, Any]:
    drop_members(tool, "function", "tools", ignored)
    return {name: tool[name] for name in _FUNCTION if tool.get(name) is not None}


def _custom(tool: Mapping[str, Any], place: str, ignored: set[str]) -> dict[str, Any]:
    """Return a custom tool as a function. Its description contains the grammar, which is not enforced."""
    name, said = tool.get("name"), tool.get("description")
    for member, value in (("name", name), ("description", said or "")):
        if not isinstance(value, str):
            raise wrong(f"{place}.{member}", "must be a string")
    drop_members(tool, "custom", "tools", ignored)
    texts = [said] if said else []
    form = object_of(tool.get("format") or {"type": "text"}, f"{place}.format")
    if form.get("type") == "grammar":
        ignored.add("tools.format")
        texts.append(f"The input has this grammar ({form.get('syntax')}):\n{form.get('definition')}")
    elif form.get("type") != "text":
        raise wrong(f"{place}.format.type", "must be text or grammar")
    parameters = {
        "type": "object",
        "properties": {CUSTOM_INPUT: {"type": "string"}},
        "required": [CUSTOM_INPUT],
        "additionalProperties": False,
    }
    described = {"description": "\n\n".join(texts)} if texts else {}
    return {"name": name, **described, "parameters": parameters}


def _namespace(tool: Mapping[str, Any], place: str, offered: OfferedTools, ignored: set[str]) -> None:
    """Add the tools of a namespace. Its description has no place beside theirs."""
    space = tool.get("name")
    if not isinstance(space, str):
        raise wrong(f"{place}.name", "must be a string")
    drop_members(tool, "namespace", "tools", ignored)
    if tool.get("description"):
        ignored.add("tools.description")
    for at, inner in enumerate(list_of(tool.get("tools"), f"{place}.tools", lambda inner, _: inner)):
        inside = f"{place}.tools.{at}"
        kind = inner.get("type")
        if kind not in ("function", "custom"):
            raise wrong(f"{inside}.type", "is refused: only 'function' and 'custom' are available in a namespace")
        function = _function(inner, ignored) if kind == "function" else _custom(inner, inside, ignored)
        function["name"] = name = joined_name(function.get("name"), space, inside)
        offered.namespaces[name] = space
        if kind == "custom":
            offered.custom.append(name)
        offered.add(function, inside)


def custom_arguments(text: str) -> str:
    """Return the arguments of a custom tool's call."""
    return json.dumps({CUSTOM_INPUT: text}, ensure_ascii=False)


def custom_input(arguments: str) -> str:
    """Return the input in a custom tool's arguments. Other arguments are the input themselves."""
    try:
        found = json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments
    text = found.get(CUSTOM_INPUT) if isinstance(found, dict) else None
    return text if isinstance(text, str) else arguments


def custom_call_ids(messages: Sequence[Mapping[str, Any]], custom: Sequence[str]) -> frozenset[str]:
    """Return the IDs of the calls of custom tools in a body's messages."""
    parts = (part for message in messages if not isinstance(message["content"], str) for part in message["content"])
    return frozenset(part["call_id"] for part in parts if part["type"] == "tool_call" and part["name"] in custom)


def read_choice(choice: object, offered: OfferedTools) -> dict[str, Any]:
    """Translate the use of tools. ``allowed_tools`` leaves the others out of ``offered``.

    Raises:
        Refusal: INVALID_REQUEST.
    """
    if isinstance(choice, str):
        if choice not in _USES:
            raise wrong("tool_choice", "must be auto, none, required, or an object")
        return {"use": choice}
    found = object_of(choice, "tool_choice")
    match found.get("type"):
        case "function" | "custom":
            return {"use": "named", "name": joined_name(found.get("name"), found.get("namespace"), "tool_choice")}
        case "allowed_tools":
            return _allowed(found, offered)
        case _:
            raise wrong("tool_choice.type", "is refused: only function, custom and allowed_tools are available")


def _allowed(choice: Mapping[str, Any], offered: OfferedTools) -> dict[str, Any]:
    mode = choice.get("mode")
    if mode not in ("auto", "required"):
        raise wrong("tool_choice.mode", "must be auto or required")
    names = list_of(
        choice.get("tools"),
        "tool_choice.tools",
        lambda tool, at: joined_name(tool.get("name"), tool.get("namespace"), at),
    )
    kept = [at for at, function in enumerate(offered.functions) if function.get("name") in names]
    if not kept:
        raise wrong("tool_choice.tools", "has the name of no tool of the request")
    offered.functions = [offered.functions[at] for at in kept]
    offered.places = [offered.places[at] for at in kept]
    left = [function.get("name") for function in offered.functions]
    offered.custom = [name for name in offered.custom if name in left]
    offered.namespaces = {name: space for name, space in offered.namespaces.items() if name in left}
    return {"use": mode}
