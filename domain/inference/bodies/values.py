"""Values of a body: how a field is read, and the readers of texts, numbers and metadata."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from domain.inference.requests import RequestLimits
from domain.refusals import Kind, Refusal

MAX_NAME_CHARS: Final = 64
MAX_TEMPERATURE: Final = 2
MAX_SEED: Final = 2**63 - 1
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class BodyField:
    """A field: ``read`` takes its value, its dotted name and the limits; ``schema`` says the same without a policy."""

    read: Callable[[object, str, RequestLimits], Any]
    schema: Mapping[str, Any]


def wrong(field: str, detail: str) -> Refusal:
    """Return the refusal of a request for a field. The detail never repeats its value."""
    return Refusal(Kind.INVALID_REQUEST, detail, field=field)


def text_of(value: object, field: str) -> str:
    """Return a string without unpaired surrogates.

    Raises:
        Refusal: INVALID_REQUEST.
    """
    if not isinstance(value, str):
        raise wrong(field, "must be a string")
    if not value.isascii() and _SURROGATE.search(value):
        raise wrong(field, "must not contain unpaired surrogates")
    return value


def inner_name(field: str, name: object) -> str:
    """Name an unknown member without returning a possible secret: short plain names only."""
    plain = isinstance(name, str) and name.isascii() and name.isidentifier() and len(name) <= MAX_NAME_CHARS
    return ".".join(part for part in (field, str(name) if plain else "*") if part)


def without(item: Mapping[Any, Any], name: str) -> dict[Any, Any]:
    """Return the object without one of its members."""
    return {key: value for key, value in item.items() if key != name}


def read_members(
    item: Mapping[Any, Any], members: Mapping[str, tuple[BodyField, bool]], field: str, limits: RequestLimits
) -> dict[str, Any]:
    """Read the members of an object, each with True if it is required. Unknown ones are refused."""
    for name in item:
        if name not in members:
            raise wrong(inner_name(field, name), "is unknown")
    return {
        name: member.read(item.get(name), f"{field}.{name}", limits)
        for name, (member, required) in members.items()
        if required or name in item
    }


def read_text(value: object, field: str, _: RequestLimits) -> str:
    """Read a string without unpaired surrogates."""
    return text_of(value, field)


def read_flag(value: object, field: str, _: RequestLimits) -> bool:
    """Read a boolean."""
    if not isinstance(value, bool):
        raise wrong(field, "must be true or false")
    return value


def read_model(value: object, field: str, _: RequestLimits) -> str:
    """Read the name of a model."""
    model = text_of(value, field)
    if not 1 <= len(model) <= MAX_NAME_CHARS:
        raise wrong(field, f"must have 1 to {MAX_NAME_CHARS} characters")
    return model


def read_temperature(value: object, field: str, _: RequestLimits) -> float:
    """Read a sampling temperature."""
    return _number(value, field, MAX_TEMPERATURE)


def read_top_p(value: object, field: str, _: RequestLimits) -> float:
    """Read a share of probability mass."""
    return _number(value, field, 1)


def _number(value: object, field: str, most: int) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong(field, "must be a number")
    if not 0 <= value <= most:  # nor is NaN
        raise wrong(field, f"must be from 0 to {most}")
    return float(value)


def read_seed(value: object, field: str, _: RequestLimits) -> int:
    """Read a seed of the sampling: 64 bits with a sign."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong(field, "must be a whole number")
    if not -MAX_SEED - 1 <= value <= MAX_SEED:
        raise wrong(field, "must have at most 64 bits")
    return value


def read_max_tokens(value: object, field: str, limits: RequestLimits) -> int:
    """Read the limit of an answer's tokens."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong(field, "must be a whole number")
    if not 1 <= value <= limits.max_tokens:
        raise wrong(field, f"must be from 1 to {limits.max_tokens}")
    return value


def read_metadata(value: object, field: str, limits: RequestLimits) -> tuple[tuple[str, str], ...]:
    """Read short texts by their names."""
    if not isinstance(value, Mapping):
        raise wrong(field, "must be an object of strings")
    if len(value) > limits.max_metadata_entries:
        raise wrong(field, f"must have at most {limits.max_metadata_entries} entries")
    entries: list[tuple[str, str]] = []
    for name, entry in value.items():
        inner = inner_name(field, name)
        if (
            len(text_of(name, inner)) > limits.max_metadata_chars
            or len(text_of(entry, inner)) > limits.max_metadata_chars
        ):
            raise wrong(inner, f"names and values have at most {limits.max_metadata_chars} characters")
        entries.append((name, entry))
    return tuple(sorted(entries))


def object_schema(members: Mapping[str, tuple[BodyField, bool]], **fixed: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON Schema of an object of these members, without others."""
    return {
        "type": "object",
        "properties": {**fixed, **{name: dict(member.schema) for name, (member, _) in members.items()}},
        "required": [*fixed, *(name for name, (_, required) in members.items() if required)],
        "additionalProperties": False,
    }


def characters_of(sent: object) -> int:
    """Return the characters of all texts of JSON."""
    found, left = 0, [sent]
    while left:
        value = left.pop()
        if isinstance(value, str):
            found += len(value)
        elif isinstance(value, Mapping):
            left.extend(value.values())
        elif isinstance(value, list | tuple):
            left.extend(value)
    return found


TEXT: Final = BodyField(read_text, {"type": "string"})
FLAG: Final = BodyField(read_flag, {"type": "boolean"})


def choice_of(*allowed: str) -> BodyField:
    """Return the field of one of some texts."""

    def read(value: object, field: str, _: RequestLimits) -> str:
        if value not in allowed:
            raise wrong(field, f"must be one of: {', '.join(allowed)}")
        return str(value)

    return BodyField(read, {"type": "string", "enum": list(allowed)})
