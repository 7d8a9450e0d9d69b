"""Fields of responses in OpenAI's SDK, read from the installed package.

``.venv-clients/bin/python tests/clients/openai_response_types.py`` prints them, in the form of
``openai_response_fields.json``.
"""

import json
import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

from typing_extensions import get_type_hints, is_typeddict

FILE = Path(__file__).with_name("openai_response_fields.json")
_TYPES: Final = "openai.types.responses"
_CONTENTS: Final = ("content", "output")
"""Members of items that hold parts."""


def fields_of_sdk() -> dict[str, Any]:
    """Return the SDK's version, its fields, and the members by type."""
    create = _hints(_named("response_create_params", "ResponseCreateParamsBase"))
    items = list(_objects(create["input"]))
    parts = [
        part
        for item in items
        if _types_of(item) & {"message", "function_call_output", "custom_tool_call_output"}
        for name, kind in _hints(item).items()
        if name in _CONTENTS
        for part in _objects(kind)
    ]
    tools = list(_objects(create["tools"]))
    namespaces = [tool for tool in tools if "namespace" in _types_of(tool)]
    within = [inner for tool in namespaces for inner in _objects(_hints(tool)["tools"])]
    return {
        "version": import_module("openai").__version__,
        "create": sorted({*create, "stream"}),
        "count": sorted(_hints(_named("input_token_count_params", "InputTokenCountParams"))),
        "items": _members(items),
        "parts": _members(parts),
        "tools": _members([*tools, *within]),
        "choices": sorted({kind for choice in _objects(create["tool_choice"]) for kind in _types_of(choice)}),
        "text": sorted({name for text in _objects(create["text"]) for name in _hints(text)}),
        "reasoning": sorted({name for wish in _objects(create["reasoning"]) for name in _hints(wish)}),
    }


def _named(module: str, name: str) -> Any:
    return getattr(import_module(f"{_TYPES}.{module}"), name)


def _members(kinds: Iterable[type]) -> dict[str, list[str]]:
    """Return the members of all objects of a type, by the type."""
    found: dict[str, set[str]] = {}
    for kind in kinds:
        for name in _types_of(kind):
            found.setdefault(name, set()).update(_hints(kind))
    return {name: sorted(members) for name, members in sorted(found.items())}


def _types_of(kind: type) -> set[str]:
    hints = _hints(kind)
    return _literals(hints.get("type")) or ({"message"} if "role" in hints else {"item_reference"})


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
