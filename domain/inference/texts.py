"""All texts of a request or an answer, each with its address: one walk, for reading and for changing.

Every guard reads by this walk, so a text that one of them misses is missed by all, and a test finds it: it marks every
text field of every type and looks for the marks.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, TypeVar

from domain.inference.carriers.kinds import HELD, SPOKEN, Carrier
from domain.inference.content import (
    Attachment,
    Content,
    Document,
    ImageAddress,
    Message,
    OpaqueItem,
    Part,
    RefusalPart,
    ResultPart,
    Speaker,
    TextKind,
    TextPart,
    ToolCall,
    ToolResult,
    UnreadItem,
)
from domain.inference.requests import InferenceRequest, ResponseFormat, Tool, ToolChoice

Item = TypeVar("Item")


class TextForm(StrEnum):
    """Forms of text, by what a change must keep: nothing, valid JSON, or all (identifiers, signed texts)."""

    PLAIN = "plain"
    JSON = "json"
    IDENTIFIER = "identifier"
    SIGNED = "signed"


@dataclass(frozen=True, slots=True)
class TextAddress:
    """The address of a text in a request or an answer.

    Attributes:
        message: its index; None for what belongs to no message. In an answer the index of the choice, 0 if it is one.
        part: the index of the part; None where the content is a plain text.
        field: the field within, in dotted form, such as ``arguments``; None for the content's or the part's own text.
    """

    message: int | None
    part: int | None = None
    field: str | None = None

    def __str__(self) -> str:
        """``1``, ``1.2``, ``1.2.arguments``, ``tools.0.description``."""
        return address_label(self.message, self.part, self.field)

    @property
    def dotted(self) -> str:
        """The name of the field at fault in a refusal: ``messages.1.content.2.arguments``."""
        if self.message is None:
            return self.field or ""
        parts = ("messages", self.message, "content", self.part, self.field)
        return ".".join(str(part) for part in parts if part is not None)


def address_label(message: int | None, part: int | None, field: str | None) -> str:
    """Return an address as shown in records and summaries."""
    return ".".join(str(step) for step in (message, part, field) if step is not None)


@dataclass(frozen=True, slots=True)
class Text:
    """A text with its address, kind, form, carrier, and its message's role (None outside messages)."""

    address: TextAddress
    text: str
    kind: TextKind
    role: Speaker | None = None
    form: TextForm = TextForm.PLAIN
    carrier: Carrier = Carrier.USER

    @property
    def fixed(self) -> bool:
        """Return True if no change is possible."""
        return self.form in (TextForm.IDENTIFIER, TextForm.SIGNED)


class UnchangeableText(Exception):
    """A change would alter a fixed text, or leave JSON that is none. Names the address and no text."""

    def __init__(self, address: TextAddress) -> None:
        super().__init__(address.dotted)
        self.address = address


Change = Callable[[Text], str]

TEXT_FIELDS: Final[Mapping[type, Mapping[str, TextForm]]] = MappingProxyType(
    {
        TextPart: {"text": TextForm.PLAIN},
        RefusalPart: {"text": TextForm.PLAIN},
        ToolCall: {"call_id": TextForm.IDENTIFIER, "name": TextForm.IDENTIFIER, "arguments": TextForm.JSON},
        ToolResult: {"call_id": TextForm.IDENTIFIER},  # and its content, which is a text or parts
        OpaqueItem: {"item_id": TextForm.IDENTIFIER, "text": TextForm.SIGNED, "summary": TextForm.SIGNED},
        Attachment: {"name": TextForm.PLAIN},
        ImageAddress: {"image_url": TextForm.IDENTIFIER},
        Document: {"name": TextForm.PLAIN, "context": TextForm.PLAIN, "text": TextForm.PLAIN},
        Tool: {"name": TextForm.IDENTIFIER, "description": TextForm.PLAIN, "parameters": TextForm.JSON},
        ToolChoice: {"name": TextForm.IDENTIFIER},
        ResponseFormat: {"name": TextForm.IDENTIFIER, "description": TextForm.PLAIN, "schema": TextForm.JSON},
    }
)
"""The fields of each type that hold free text. All other fields are numbers, or texts of a checked form."""


def map_texts(request: InferenceRequest, change: Change, spoiled: set[TextAddress] | None = None) -> InferenceRequest:
    """Return the request with each text replaced by the result of ``change``. Unchanged items are the same objects.

    Args:
        request: the request.
        change: gives the new text, which is the old one where nothing changes.
        spoiled: if given, takes the addresses of texts that no change was possible for, and they are changed all the
            same. The result is then for a record, not for a model.

    Raises:
        UnchangeableText: a change to a fixed text, or one that makes JSON invalid.
    """
    walk = _Walk(change, spoiled)
    messages = walk.each(request.messages, walk.message)
    tools = walk.each(request.tools, lambda at, tool: walk.item(tool, _outside(f"tools.{at}")))
    choice = request.tool_choice and walk.item(request.tool_choice, _outside("tool_choice"))
    answer = request.response_format and walk.item(request.response_format, _outside("response_format"))
    stop = walk.each(request.stop, lambda at, text: walk.text(replace(_outside(f"stop.{at}", Carrier.STOP), text=text)))
    return _changed(
        request,
        {"messages": messages, "tools": tools, "tool_choice": choice, "response_format": answer, "stop": stop},
    )


def map_answer(content: Content, change: Change, choice: int = 0) -> Content:
    """Return an answer's content with each text replaced, as ``map_texts`` does. ``choice`` is its index."""
    place = Text(TextAddress(choice), "", TextKind.PROMPT, Speaker.ASSISTANT, carrier=Carrier.ASSISTANT)
    return _Walk(change).content(content, place)


def texts_of(request: InferenceRequest) -> tuple[Text, ...]:
    """Return all texts of a request that its model or provider receives, in order. Metadata stay with Assay."""
    return _collected(lambda change: map_texts(request, change))


def texts_of_answer(content: Content, choice: int = 0) -> tuple[Text, ...]:
    """Return all texts of an answer, in order. ``choice`` is its index."""
    return _collected(lambda change: map_answer(content, change, choice))


def _collected(walk: Callable[[Change], object]) -> tuple[Text, ...]:
    found: list[Text] = []

    def keep(text: Text) -> str:
        found.append(text)
        return text.text

    walk(keep)
    return tuple(found)


def unread_of(request: InferenceRequest) -> Iterator[tuple[TextAddress, UnreadItem]]:
    """Yield the items that no guard can read, with their addresses: attachments, and opaque items for their data."""
    for index, message in enumerate(request.messages):
        yield from unread_of_answer(message.content, index)


def unread_of_answer(content: Content, choice: int = 0) -> Iterator[tuple[TextAddress, UnreadItem]]:
    """Yield the items of an answer that no guard can read, with their addresses. ``choice`` is its index."""
    if isinstance(content, str):
        return
    for at, part in enumerate(content):
        if isinstance(part, UnreadItem):
            yield TextAddress(choice, at), part
        elif isinstance(part, ToolResult) and not isinstance(part.content, str):
            for inner, item in enumerate(part.content):
                if isinstance(item, UnreadItem):
                    yield TextAddress(choice, at, f"content.{inner}"), item


def of_user(request: InferenceRequest, at: TextAddress) -> bool:
    """Test for a part that is the user's own: of no document, nor of the result of a tool."""
    within_result = at.field is not None
    return not within_result and at.message is not None and request.messages[at.message].text_kind is TextKind.PROMPT


def is_json(text: str) -> bool:
    """Test for JSON, read generously: Python's reader also takes NaN and lone surrogates."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _outside(field: str, carrier: Carrier = Carrier.TOOL_NAME) -> Text:
    # whoever runs a tool's server may have written its description: screening takes all of these for documents
    return Text(TextAddress(None, None, field), "", TextKind.DOCUMENT, carrier=carrier)


def _within(place: Text, step: str) -> Text:
    """The place of a field within a place."""
    at = place.address
    named = TextAddress(at.message, at.part, step if at.field is None else f"{at.field}.{step}")
    return Text(named, place.text, place.kind, place.role, place.form, place.carrier)


class _Walk:
    """Visits texts in order, and rebuilds what holds a changed one. A place is a ``Text`` whose text is still empty."""

    def __init__(self, change: Change, spoiled: set[TextAddress] | None = None) -> None:
        self._change = change
        self._spoiled = spoiled

    def each(self, items: tuple[Item, ...], visit: Callable[[int, Item], Item]) -> tuple[Item, ...]:
        made = tuple(visit(at, item) for at, item in enumerate(items))
        return items if all(new is old for new, old in zip(made, items, strict=True)) else made

    def text(self, found: Text) -> str:
        new = self._change(found)
        if new == found.text:
            return found.text
        if found.fixed or (found.form is TextForm.JSON and is_json(found.text) and not is_json(new)):
            if self._spoiled is None:
                raise UnchangeableText(found.address)
            self._spoiled.add(found.address)
        return new

    def message(self, index: int, message: Message) -> Message:
        content, carrier = message.content, SPOKEN[message.role]
        if isinstance(content, str):  # as below, without the detour that parts take
            made: Content = self.text(
                Text(TextAddress(index), content, message.text_kind, message.role, carrier=carrier)
            )
        else:
            place = Text(TextAddress(index), "", message.text_kind, message.role, carrier=carrier)
            made = self.content(content, place)
        return message if made is content else replace(message, content=made)

    def content(self, content: Content, place: Text) -> Content:
        if isinstance(content, str):
            return self.text(replace(place, text=content))
        return self.each(content, lambda at, part: self.part(part, replace(place, address=_part(place.address, at))))

    def part(self, part: Part, place: Text) -> Part:
        if isinstance(part, TextPart) and part.kind is not None:
            place = replace(place, kind=part.kind)
        if isinstance(part, Document):
            place = replace(place, kind=TextKind.DOCUMENT)
        if not isinstance(part, ToolResult):
            return self.item(part, place)
        place = replace(place, kind=TextKind.TOOL_OUTPUT, carrier=Carrier.TOOL_RESULT)
        part = self.item(part, place)
        if isinstance(part.content, str):
            return _changed(part, {"content": self.text(replace(place, text=part.content))})
        inner = self.each(part.content, lambda at, item: self.item(item, self._inner(item, place, at)))
        return _changed(part, {"content": inner})

    def _inner(self, item: ResultPart, place: Text, at: int) -> Text:
        kind = item.kind if isinstance(item, TextPart) and item.kind else place.kind
        return replace(_within(place, f"content.{at}"), kind=kind)

    def item(self, item: Item, place: Text) -> Item:
        """Visit the fields of an item that hold text. The field ``text`` has the address of the item itself."""
        made: dict[str, Any] = {}
        for name, form in TEXT_FIELDS[type(item)].items():
            value: str | tuple[str, ...] | None = getattr(item, name)
            if value is not None:
                at = place if name == "text" else _within(place, name)
                text = value if isinstance(value, str) else ""
                carrier = HELD[type(item)].get(name, place.carrier)
                found = Text(at.address, text, at.kind, at.role, form, carrier)  # quicker than replacing members
                made[name] = self.text(found) if isinstance(value, str) else self._all(value, found)
        return _changed(item, made)

    def _all(self, values: tuple[str, ...], place: Text) -> tuple[str, ...]:
        return self.each(values, lambda at, value: self.text(replace(_within(place, str(at)), text=value)))


def _part(address: TextAddress, at: int) -> TextAddress:
    return replace(address, part=at)


def _changed(item: Item, made: Mapping[str, Any]) -> Item:
    if all(value is getattr(item, name) for name, value in made.items()):
        return item
    changed: Item = replace(item, **made)  # type: ignore[type-var] # all items are dataclasses
    return changed
