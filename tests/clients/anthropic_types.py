"""Fields of the request types of Anthropic's SDK, read from the installed package.

``.venv-clients/bin/python tests/clients/anthropic_types.py`` prints them, in the form of ``anthropic_fields.json``.
"""

import json
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

from typing_extensions import get_type_hints, is_typeddict

FILE = Path(__file__).with_name("anthropic_fields.json")
PLACES = (
    *("user", "assistant", "system", "text", "image", "document", "search_result", "tool_use", "tool_result"),
    *("thinking", "redacted_thinking", "custom", "tool_choice", "output_config", "output_format", "thinking_config"),
    "metadata",
)
"""Objects whose members Assay reads."""
_CONFIGS: Final = {
    "tool_choice": "tool_choice",
    "output_config": "output_config",
    "thinking_config": "thinking",
    "metadata": "metadata",
}


def fields_of_sdk() -> dict[str, Any]:
    """Return the SDK's version, and its fields, members, blocks and tools."""
    create = _fields("message_create_params", "MessageCreateParamsBase")
    members: dict[str, set[str]] = {name: set() for name in PLACES}
    for place, field in _CONFIGS.items():
        members[place] = {name for kind in create[field] for found in _objects(kind) for name in _hints(found)}
    for config in (found for kind in create["output_config"] for found in _objects(kind)):
        members["output_format"] |= {name for found in _objects(_hints(config)["format"]) for name in _hints(found)}
    blocks = {name for kind in create["messages"] for found in _objects(kind) for name in _of_message(found, members)}
    tools = {
        name for kind in create["tools"] for found in _objects(kind) for name in _add(found, members) or {"custom"}
    }
    return {
        "version": import_module("anthropic").__version__,
        "create": sorted({*create, "stream", "output_format"}),
        "count": sorted(_fields("message_count_tokens_params", "MessageCountTokensParams")),
        "members": {name: sorted(found) for name, found in members.items()},
        "blocks": sorted(blocks),
        "tools": sorted(tools),
    }


def _fields(module: str, name: str) -> dict[str, list[Any]]:
    """Return the types of a request's fields, stable and beta."""
    found: dict[str, list[Any]] = {}
    for place in ("anthropic.types", "anthropic.types.beta"):
        for field, kind in _hints(getattr(import_module(f"{place}.{module}"), name)).items():
            found.setdefault(field, []).append(kind)
    return found


def _of_message(message: type, members: dict[str, set[str]]) -> set[str]:
    """Add the members of a message and its blocks; return the types of the blocks."""
    hints = _hints(message)
    for role in _literals(hints["role"]):
        members[role] |= set(hints)
    blocks = list(_objects(hints["content"]))
    results = [block for block in blocks if "tool_result" in _literals(_hints(block).get("type"))]
    within = [inner for block in results for inner in _objects(_hints(block)["content"])]
    return {kind for block in (*blocks, *within) for kind in _add(block, members)}


def _add(block: type, members: dict[str, set[str]]) -> set[str]:
    """Add the members of a block or tool; return its types."""
    hints = _hints(block)
    kinds = _literals(hints.get("type"))
    for kind in kinds & set(PLACES):
        members[kind] |= set(hints)
    return kinds


def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def _literals(kind: object) -> set[str]:
    if get_origin(kind) is Literal:
        return set(get_args(kind))
    return {text for part in get_args(kind) for text in _literals(part)}


def _objects(kind: object) -> Iterator[type]:
    """Yield the typed dictionaries that a type allows."""
    if is_typeddict(kind):
        yield kind
        return
    for part in get_args(kind):
        yield from _objects(part)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(fields_of_sdk(), indent=2) + "\n")
