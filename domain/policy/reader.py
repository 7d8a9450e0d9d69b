"""Strict reader of a policy document: every member is read by name and type; unknown members are errors."""

import json
import math
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self


class PolicyError(Exception):
    """A policy is invalid. ``where`` is the dotted path in the document, ``what`` the error."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}" if where else what)
        self.where = where
        self.what = what


class Section:
    """An object of the document. Use it in a ``with``: leaving it refuses unread members.

    Every method raises PolicyError if the member is missing (unless a default is given), of another type, or out of its
    range. ``bool`` is no number.
    """

    def __init__(self, value: object, where: str) -> None:
        if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
            raise PolicyError(where, "must be a mapping with string keys")
        self.where = where
        self._members: Mapping[str, Any] = value
        self._asked: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        unknown = sorted(set(self._members) - self._asked)
        if kind is None and unknown:
            raise PolicyError(self.path(unknown[0]), "is unknown")

    def __contains__(self, name: object) -> bool:
        return name in self._members

    @property
    def names(self) -> tuple[str, ...]:
        """Return the members' names, sorted."""
        return tuple(sorted(self._members))

    @property
    def content(self) -> str:
        """Return the whole object as JSON, for a key of a cache. The reader of this text checks its members."""
        return json.dumps(self._members, sort_keys=True)

    def path(self, name: str) -> str:
        """Return the dotted path of a member."""
        return f"{self.where}.{name}" if self.where else name

    def value(self, name: str) -> Any:  # noqa: ANN401 - the document's own, not checked yet
        """Return a member unchanged."""
        self._asked.add(name)
        if name not in self._members:
            raise PolicyError(self.path(name), "is missing")
        return self._members[name]

    def section(self, name: str) -> "Section":
        """Return a member that is an object."""
        return Section(self.value(name), self.path(name))

    def whole(self, name: str, low: int, high: int) -> int:
        """Return a whole number from ``low`` to ``high``."""
        value = self.value(name)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise PolicyError(self.path(name), f"must be a whole number from {low} to {high}")
        return value

    def number(self, name: str, low: float, high: float) -> float:
        """Return a finite number from ``low`` to ``high``."""
        value = self.value(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise PolicyError(self.path(name), "must be a number")
        if not low <= value <= high:
            raise PolicyError(self.path(name), f"must be from {low:g} to {high:g}")
        return float(value)

    def text(self, name: str, longest: int = 500) -> str:
        """Return a non-empty string."""
        value = self.value(name)
        if not isinstance(value, str) or not value.strip() or len(value) > longest:
            raise PolicyError(self.path(name), f"must be a string of 1 to {longest} characters")
        return value

    def flag(self, name: str) -> bool:
        """Return a boolean."""
        value = self.value(name)
        if not isinstance(value, bool):
            raise PolicyError(self.path(name), "must be true or false")
        return value

    def choice(self, name: str, allowed: Sequence[str]) -> str:
        """Return one of the allowed strings."""
        value = self.value(name)
        if value not in allowed:
            raise PolicyError(self.path(name), f"must be one of: {', '.join(allowed)}")
        return str(value)

    def texts(self, name: str, *, may_be_empty: bool = False) -> tuple[str, ...]:
        """Return a list of different strings."""
        value = self.value(name)
        if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
            raise PolicyError(self.path(name), "must be a list of strings")
        if not value and not may_be_empty:
            raise PolicyError(self.path(name), "must not be empty")
        if len(set(value)) != len(value):
            raise PolicyError(self.path(name), "contains a duplicate")
        return tuple(value)

    def sections(self, name: str) -> tuple["Section", ...]:
        """Return a non-empty list of objects."""
        value = self.value(name)
        if not isinstance(value, list) or not value:
            raise PolicyError(self.path(name), "must be a list with at least one entry")
        return tuple(Section(item, f"{self.path(name)}.{index}") for index, item in enumerate(value))
