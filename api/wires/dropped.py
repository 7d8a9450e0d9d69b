"""Names of what a translator dropped: shown in ``Assay-Ignored``, recorded, and judged by the policy.

Translators collect names in a set: of hints as they are, of unknown fields by ``unknown``, of tools that a provider
would run by ``strip_provider_tool``. What the policy does not drop is refused when the body is parsed.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from domain.inference.bodies.options import MAX_IGNORED
from domain.inference.bodies.values import inner_name, wrong
from domain.policy.content import ContentPolicy, ProviderTools, UnknownFields

_UNKNOWN: Final = "?"
_TOOL: Final = "tools:"
_LONGEST: Final = 128
_SHOWN: Final = 32
_PROVIDERS_OWN: Final = re.compile(
    r"(?:mcp|mcp_toolset|web_search|web_fetch|file_search|code_interpreter|code_execution|computer|image_generation"
    r"|tool_search|advisor|memory_search|x_search|url_context|google_search)(?:_.{0,40})?\Z"
)
_PLAIN_TYPE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")


def unknown(place: str, name: object) -> str:
    """Return the name of an unknown field for the set of dropped names."""
    return f"{_UNKNOWN}{inner_name(place, name)}"


def runs_at_provider(kind: object) -> bool:
    """Test the type of a tool: one that its provider runs reaches past the gateway."""
    return isinstance(kind, str) and _PROVIDERS_OWN.match(kind) is not None


def strip_provider_tool(tool: Mapping[str, Any], ignored: set[str]) -> bool:
    """Return True for a tool that its provider would run, and name it: its type is added to ``ignored``."""
    kind = tool.get("type")
    if not runs_at_provider(kind):
        return False
    ignored.add(f"{_TOOL}{kind if _PLAIN_TYPE.match(str(kind)) else '*'}")
    return True


def require_droppable(names: Iterable[str], policy: ContentPolicy) -> None:
    """Refuse what the policy does not allow to drop.

    Raises:
        Refusal: INVALID_REQUEST, by the name.
    """
    for name in names:
        if name.startswith(_UNKNOWN) and policy.unknown_fields is UnknownFields.REFUSE:
            raise wrong(name.removeprefix(_UNKNOWN), "is unknown")
        if name.startswith(_TOOL) and policy.provider_tools is ProviderTools.REFUSE:
            kind = name.removeprefix(_TOOL)
            raise wrong("tools", f"is refused: a tool of the type '{kind}' would reach past the gateway")


def shown(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names for ``Assay-Ignored``, sorted, at most 32."""
    return tuple(sorted({name.removeprefix(_UNKNOWN) for name in names}))[:_SHOWN]


def recorded(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names for the record, sorted: unknown ones, which the client chose, by their place and ``*``."""
    found = {
        f"{name.removeprefix(_UNKNOWN).rpartition('.')[0]}.*".lstrip(".") if name.startswith(_UNKNOWN) else name
        for name in names
    }
    return tuple(sorted(name[:_LONGEST] for name in found))[:MAX_IGNORED]
