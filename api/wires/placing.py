"""Placing of the fields of a client's format: honoured, dropped and named, or refused by name."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from api.wires.dropped import unknown
from domain.inference.bodies.values import wrong


class Placing(StrEnum):
    """Treatment of a field of a client's format."""

    HONOURED = "honoured"
    DROPPED = "dropped"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class PlacedField:
    """A field's treatment. ``neutral`` values, and null, are accepted always: they ask for nothing."""

    placing: Placing
    note: str
    neutral: tuple[object, ...] = ()

    def asks(self, value: object) -> bool:
        """Return True for a value that asks for something."""
        return value is not None and not any(
            value == neutral and isinstance(value, bool) == isinstance(neutral, bool) for neutral in self.neutral
        )


def honoured(note: str) -> PlacedField:
    """Return the placing of a field that has its effect."""
    return PlacedField(Placing.HONOURED, note)


def dropped(note: str, *neutral: object) -> PlacedField:
    """Return the placing of a field without effect, which ``Assay-Ignored`` names."""
    return PlacedField(Placing.DROPPED, note, neutral)


def refused(note: str, *neutral: object) -> PlacedField:
    """Return the placing of a field that is refused by its name."""
    return PlacedField(Placing.REFUSED, note, neutral)


def read_fields(sent: object, fields: Mapping[str, PlacedField], ignored: set[str]) -> dict[str, Any]:
    """Return the honoured fields of a decoded body. Dropped names are added to ``ignored``.

    Raises:
        Refusal: INVALID_REQUEST for another value than an object, and by the name of a field that is refused.
    """
    if not isinstance(sent, Mapping):
        raise wrong("", "the body must be a JSON object")
    given: dict[str, Any] = {}
    for name, value in sent.items():
        field = fields.get(name)
        if field is None:
            ignored.add(unknown("", name))
        elif field.asks(value) and field.placing is Placing.REFUSED:
            raise wrong(name, f"is refused: {field.note}")
        elif field.asks(value) and field.placing is Placing.DROPPED:
            ignored.add(name)
        elif value is not None and field.placing is Placing.HONOURED:
            given[name] = value
    return given
