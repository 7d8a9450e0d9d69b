"""Members of a body for the responses API, which reads them again. No model receives any of them."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from domain.identity import RUN_ID
from domain.inference.bodies.tools import MAX_TOOLS, TOOL_NAME
from domain.inference.bodies.values import FLAG, BodyField, object_schema, read_members, text_of, wrong
from domain.inference.requests import RequestLimits

_NAME: Final = re.compile(r"[A-Za-z0-9_.:/-]{1,128}\Z")


def _run(value: object, field: str, _: RequestLimits) -> str:
    found = text_of(value, field)
    if not RUN_ID.match(found):
        raise wrong(field, "must be the ID of a run")
    return found


def _names(value: object, field: str, limits: RequestLimits) -> list[str]:
    if not isinstance(value, list | tuple) or len(value) > MAX_TOOLS:
        raise wrong(field, f"must be a list of at most {MAX_TOOLS} names")
    return [TOOL_NAME.read(name, f"{field}.{at}", limits) for at, name in enumerate(value)]


def _spaces(value: object, field: str, limits: RequestLimits) -> Mapping[str, str]:
    if not isinstance(value, Mapping) or len(value) > MAX_TOOLS:
        raise wrong(field, f"must be an object of at most {MAX_TOOLS} names")
    for name, space in value.items():
        TOOL_NAME.read(name, field, limits)
        if not _NAME.match(text_of(space, field)):
            raise wrong(field, "must name a namespace for each tool")
    return value


_KEPT: Final[Mapping[str, tuple[BodyField, bool]]] = MappingProxyType(
    {
        "store": (FLAG, False),
        "background": (FLAG, False),
        "instructions": (FLAG, False),
        "previous": (BodyField(_run, {"type": "string"}), False),
        "custom": (BodyField(_names, {"type": "array", "items": {"type": "string"}}), False),
        "namespaces": (
            BodyField(_spaces, {"type": "object", "additionalProperties": {"type": "string"}}),
            False,
        ),
    }
)


def _read(value: object, field: str, limits: RequestLimits) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise wrong(field, "must be an object")
    return read_members(value, _KEPT, field, limits)


RESPONSE: Final = BodyField(
    _read,
    {
        **object_schema(_KEPT),
        "description": "Set by `POST /v1/responses`, which reads it again: `store`, `background`, the `previous` run, "
        "whether the first message are `instructions`, and the tools that are `custom` or of `namespaces`.",
    },
)
