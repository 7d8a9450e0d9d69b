"""Requests and answers with parts of every kind, made of texts that a test chooses."""

import json
from collections.abc import Callable
from dataclasses import fields
from itertools import count
from typing import Any

from hypothesis import strategies as st

from domain.inference.content import (
    Attachment,
    Document,
    ImageAddress,
    Message,
    OpaqueItem,
    RefusalPart,
    Speaker,
    TextKind,
    TextPart,
    ToolCall,
    ToolResult,
)
from domain.inference.requests import (
    AnswerForm,
    Effort,
    InferenceRequest,
    Reasoning,
    ResponseFormat,
    Tool,
    ToolChoice,
    ToolUse,
)

DIGEST = "0123456789abcdef" * 4
JSON_FIELDS = frozenset({"arguments", "parameters", "schema"})
CHECKED_FIELDS = frozenset({"type", "digest", "media_type", "label", "data"})
"""Fields of a checked form, and the data of opaque items."""
ITEMS = (
    *(TextPart, RefusalPart, ToolCall, ToolResult, OpaqueItem, Attachment, ImageAddress, Document),
    *(Tool, ToolChoice, ResponseFormat),
)

Make = Callable[[str], str]
"""Gives the text for a field of that name."""


def everything(make: Make) -> InferenceRequest:
    """A request with a text in every field that can hold one."""

    def text(name: str) -> str:
        return json.dumps({"of": make(name)}, ensure_ascii=False) if name in JSON_FIELDS else make(name)

    def picture() -> Attachment:
        return Attachment(DIGEST, "image/png", name=text("name"))

    def document() -> Document:
        return Document(name=text("name"), context=text("context"), text=text("text"))

    result = (
        TextPart(text("text"), TextKind.DOCUMENT),
        picture(),
        ImageAddress(text("image_url")),
        document(),
        TextPart(text("text")),
    )
    return InferenceRequest(
        model="fake",
        messages=(
            Message(Speaker.SYSTEM, text("content")),
            Message(Speaker.SYSTEM, (TextPart(text("text")),)),
            Message(Speaker.USER, text("content"), TextKind.DOCUMENT),
            Message(Speaker.USER, (TextPart(text("text")), TextPart(text("text"), TextKind.TOOL_OUTPUT))),
            Message(Speaker.USER, (picture(), ImageAddress(text("image_url")), document())),
            Message(
                Speaker.ASSISTANT,
                (
                    OpaqueItem(
                        "thinking.signature",
                        "b3BhcXVl",
                        item_id=text("item_id"),
                        text=text("text"),
                        summary=(text("summary"), text("summary")),
                    ),
                    OpaqueItem("redacted_thinking.data", "b3BhcXVl"),
                    TextPart(text("text")),
                    RefusalPart(text("text")),
                    ToolCall(text("call_id"), text("name"), text("arguments")),
                ),
            ),
            Message(Speaker.TOOL, (ToolResult(text("call_id"), text("content")),)),
            Message(Speaker.TOOL, (ToolResult(text("call_id"), result, failed=True), Attachment(DIGEST, "text/csv"))),
        ),
        temperature=0.7,
        max_tokens=16,
        tools=(
            Tool(text("name"), text("parameters"), text("description"), strict=True),
            Tool(text("name"), text("parameters")),
        ),
        tool_choice=ToolChoice(ToolUse.NAMED, text("name")),
        response_format=ResponseFormat(
            AnswerForm.JSON_SCHEMA, text("name"), text("description"), text("schema"), strict=True
        ),
        stop=(text("stop"),),
        top_p=0.5,
        seed=0,
    )


def marked(form: str = "mark{}") -> tuple[InferenceRequest, list[str]]:
    """A request of which every text holds a mark of its own, and the marks."""
    numbers = count()
    marks: list[str] = []

    def make(_: str) -> str:
        marks.append(form.format(f"{next(numbers):03}"))
        return marks[-1]

    return everything(make), marks


def text_fields(item: type) -> set[str]:
    """The names of the fields of a type that hold free text."""
    return {member.name for member in fields(item) if "str" in _names(member.type)} - CHECKED_FIELDS


def _names(annotation: Any) -> set[str]:
    found = {getattr(annotation, "__name__", "")}
    return found.union(*(_names(inner) for inner in getattr(annotation, "__args__", ()) if inner is not annotation))


TEXTS = st.text(max_size=20)
KINDS = st.none() | st.sampled_from(TextKind)
_LABELS = st.from_regex(r"[a-z][a-z_.]{0,20}", fullmatch=True)
_ATTACHMENTS = st.builds(
    Attachment,
    st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
    st.sampled_from(["image/png", "application/vnd.ms-excel", "text/plain"]),
    size=st.none() | st.integers(0, 9),
    name=st.none() | TEXTS,
    detail=st.none() | st.sampled_from(["low", "high"]),
)
_DOCUMENTS = st.builds(Document, TEXTS, st.none() | TEXTS, st.none() | TEXTS, cited=st.booleans())
_ADDRESSES = st.builds(ImageAddress, TEXTS)
_TEXT_PARTS = st.builds(TextPart, TEXTS, KINDS)
PARTS = st.one_of(
    _TEXT_PARTS,
    st.builds(RefusalPart, TEXTS),
    st.builds(ToolCall, TEXTS, TEXTS, TEXTS),
    st.builds(
        ToolResult,
        TEXTS,
        st.one_of(TEXTS, st.lists(_TEXT_PARTS | _ATTACHMENTS | _DOCUMENTS, max_size=3).map(tuple)),
        st.booleans(),
    ),
    _ATTACHMENTS,
    _DOCUMENTS,
    _ADDRESSES,
    st.builds(
        OpaqueItem,
        _LABELS,
        TEXTS,
        st.none() | TEXTS,
        item_id=st.none() | TEXTS,
        summary=st.lists(TEXTS, max_size=2).map(tuple),
    ),
)
CONTENTS = st.one_of(TEXTS, st.lists(PARTS, max_size=4).map(tuple))
REQUESTS = st.builds(
    InferenceRequest,
    model=TEXTS,
    messages=st.lists(st.builds(Message, st.sampled_from(Speaker), CONTENTS, KINDS), max_size=3).map(tuple),
    temperature=st.floats(0, 2),
    max_tokens=st.integers(1, 100),
    metadata=st.lists(st.tuples(TEXTS, TEXTS), max_size=2).map(tuple),
    tools=st.lists(st.builds(Tool, TEXTS, TEXTS, st.none() | TEXTS, st.booleans()), max_size=2).map(tuple),
    tool_choice=st.none() | st.builds(ToolChoice, st.sampled_from(ToolUse), st.none() | TEXTS),
    response_format=st.none()
    | st.builds(
        ResponseFormat,
        st.sampled_from(AnswerForm),
        st.none() | TEXTS,
        st.none() | TEXTS,
        st.none() | TEXTS,
        st.booleans(),
    ),
    stop=st.lists(TEXTS, max_size=2).map(tuple),
    top_p=st.none() | st.floats(0, 1),
    seed=st.none() | st.integers(-5, 5),
    one_tool_call=st.booleans(),
    frequency_penalty=st.none() | st.floats(-2, 2),
    logit_bias=st.lists(st.tuples(TEXTS, st.floats(-9, 9)), max_size=2).map(tuple),
    reasoning=st.none() | st.builds(Reasoning, st.none() | st.sampled_from(Effort), sealed=st.booleans()),
    end_user=st.none() | TEXTS,
    cache_key=st.none() | TEXTS,
    ignored=st.lists(TEXTS, max_size=2).map(tuple),
)
