"""Messages of Assay, translated one item after the other, each with its source place."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class SourcePlace:
    """The place of a message, and of its parts, in the client's request."""

    whole: str
    parts: tuple[str, ...] = ()


@dataclass(slots=True)
class TranslatedConversation:
    """Messages and their places.

    A message of the assistant and the calls after it are one message: results come after it, in messages of their own.
    """

    messages: list[dict[str, Any]] = field(default_factory=list)
    places: list[SourcePlace] = field(default_factory=list)
    _unanswered: bool = False
    _thinking: bool = False

    def add(self, message: dict[str, Any], place: SourcePlace) -> None:
        """Add a message."""
        self.messages.append(message)
        self.places.append(place)
        self._unanswered = self._thinking = False

    def say(self, content: str | list[dict[str, Any]], place: SourcePlace) -> None:
        """Add what the assistant said: to its reasoning, or to its calls, if these have no results yet."""
        if not (self._unanswered or self._thinking):
            self.add({"role": "assistant", "content": content}, place)
            return
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        self._extend(parts, place.parts or (place.whole,) * len(parts))
        self._thinking = False

    def call(self, part: dict[str, Any], place: str) -> None:
        """Add a call: to what the assistant said last, if nothing came after it."""
        if self.messages and self.messages[-1]["role"] == "assistant":
            self._extend([part], (place,))
        else:
            self.add({"role": "assistant", "content": [part]}, SourcePlace(place, (place,)))
        self._unanswered, self._thinking = True, False

    def think(self, part: dict[str, Any], place: str) -> None:
        """Add reasoning, which begins what the assistant says next."""
        if self._unanswered or self._thinking:
            self._extend([part], (place,))
        else:
            self.add({"role": "assistant", "content": [part]}, SourcePlace(place, (place,)))
        self._thinking = True

    def _extend(self, parts: list[dict[str, Any]], places: tuple[str, ...]) -> None:
        last, known = self.messages[-1], self.places[-1]
        content = last["content"]
        if isinstance(content, str):
            content = [{"type": "text", "text": content}] if content else []
        known_parts = known.parts or (known.whole,) * len(content)
        last["content"] = [*content, *parts]
        self.places[-1] = SourcePlace(known.whole, (*known_parts, *places))
