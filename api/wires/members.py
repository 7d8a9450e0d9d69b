"""Reading of lists and objects in a client's format."""

from collections.abc import Callable, Mapping
from typing import Any

from api.wires.dropped import unknown
from domain.inference.bodies.values import wrong


def list_of(value: object, field: str, read: Callable[[Mapping[str, Any], str], Any]) -> list[Any]:
    """Return the objects of a list, each read with its place, such as ``messages.0``.

    Raises:
        Refusal: INVALID_REQUEST, with ``field`` or the place.
    """
    if not isinstance(value, list):
        raise wrong(field, "must be a list")
    return [read(object_of(item, f"{field}.{at}"), f"{field}.{at}") for at, item in enumerate(value)]


def object_of(value: object, field: str) -> Mapping[str, Any]:
    """Return an object.

    Raises:
        Refusal: INVALID_REQUEST, with ``field``.
    """
    if not isinstance(value, Mapping):
        raise wrong(field, "must be an object")
    return value


def drop_others(item: Mapping[str, Any], known: frozenset[str], place: str, ignored: set[str]) -> None:
    """Add the members that are not read, with their place, to ``ignored``."""
    ignored.update(unknown(place, name) for name, value in item.items() if name not in known and value is not None)
