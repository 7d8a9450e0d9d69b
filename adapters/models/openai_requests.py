"""Requests in OpenAI's format of chat completions (platform.openai.com/docs/api-reference/chat/create).

A request that the format can't represent is refused before the call: nothing is dropped or put in another order, but
for parameters that the policy says the model does not accept.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from types import MappingProxyType
from typing import Any, Final

from adapters.models.failures import NotCarried
from domain.inference.content import (
    Attachment,
    Document,
    ImageAddress,
    Message,
    Part,
    RefusalPart,
    Speaker,
    TextPart,
    ToolCall,
    ToolResult,
)
from domain.inference.models import ModelCall
from domain.inference.requests import AnswerForm, ResponseFormat, Tool, ToolChoice, ToolUse

FAILED_RESULT: Final = "The tool has failed:"
"""Text before the result of a failed tool, for which the format has no mark."""
_CARRIED: Final[Mapping[Speaker, tuple[type, ...]]] = MappingProxyType(
    {
        Speaker.SYSTEM: (TextPart,),
        Speaker.USER: (TextPart, ToolResult, Attachment, ImageAddress, Document),
        Speaker.ASSISTANT: (TextPart, RefusalPart, ToolCall),
        Speaker.TOOL: (ToolResult,),
    }
)
"""The parts that the format carries, by the role of their message."""


def body_of(call: ModelCall) -> dict[str, Any]:
    """Return the body of the call, as JSON values.

    Raises:
        NotCarried: see there.
    """
    request, accepts = call.request, call.model.accepts
    messages = [
        made for at, message in enumerate(request.messages) for made in _messages(message, f"messages.{at}", call)
    ]
    body: dict[str, Any] = {
        "model": call.model.upstream,
        "messages": messages,
        accepts.limit: request.max_tokens,
        "stream": False,
    }
    options = {
        "temperature": request.temperature if accepts.temperature else None,
        "tools": [_tool(tool) for tool in request.tools] or None,
        "parallel_tool_calls": False if request.one_tool_call else None,
        "tool_choice": request.tool_choice and _choice(request.tool_choice),
        "response_format": request.response_format and _format(request.response_format),
        "stop": (list(request.stop) or None) if accepts.stop else None,
        "top_p": request.top_p if accepts.top_p else None,
        "seed": request.seed if accepts.seed else None,
        "frequency_penalty": request.frequency_penalty if accepts.penalties else None,
        "presence_penalty": request.presence_penalty if accepts.penalties else None,
        "logit_bias": (dict(request.logit_bias) or None) if accepts.logit_bias else None,
        "reasoning_effort": request.reasoning.effort if accepts.effort and request.reasoning else None,
        "verbosity": request.verbosity if accepts.verbosity else None,
        "prompt_cache_key": request.cache_key if accepts.cache_key else None,
        **({accepts.end_user: request.end_user} if accepts.end_user else {}),
    }
    return body | {name: value for name, value in options.items() if value is not None}


def _messages(message: Message, place: str, call: ModelCall) -> Iterator[dict[str, Any]]:
    content = message.content
    if isinstance(content, str):
        if message.role is Speaker.TOOL:
            raise NotCarried(place)  # a result of no call
        yield {"role": message.role.value, "content": content}
        return
    if not content:
        raise NotCarried(place)
    for at, part in enumerate(content):
        if not isinstance(part, _CARRIED[message.role]):
            raise NotCarried(f"{place}.content.{at}")
    if message.role is Speaker.ASSISTANT:
        yield _assistant(content, place)
        return
    for results, parts in groupby(content, key=lambda part: isinstance(part, ToolResult)):
        if results:
            yield from (_result(part, place) for part in parts if isinstance(part, ToolResult))
        else:
            yield {"role": message.role.value, "content": _given(tuple(parts), place, call)}


def _assistant(parts: tuple[Part, ...], place: str) -> dict[str, Any]:
    said = [part for part in parts if isinstance(part, TextPart | RefusalPart)]
    calls = [part for part in parts if isinstance(part, ToolCall)]
    if parts[: len(said)] != tuple(said):
        raise NotCarried(place)  # the format has an order of its own: what is said comes before all calls
    made: dict[str, Any] = {"role": Speaker.ASSISTANT.value, "content": _content(said) if said or not calls else None}
    if calls:
        made["tool_calls"] = [
            {"id": call.call_id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in calls
        ]
    return made


def _content(parts: Sequence[TextPart | RefusalPart]) -> str | list[dict[str, str]]:
    """Return a single text as a string, which every server accepts; several as parts."""
    if not parts:
        return ""
    if len(parts) == 1 and isinstance(parts[0], TextPart):
        return parts[0].text
    return [{"type": part.type, part.type: part.text} for part in parts]


def _given(parts: tuple[Part, ...], place: str, call: ModelCall) -> str | list[dict[str, Any]]:
    """Return the content of a message of system or user: texts, images, and documents as texts."""
    texts = [part for part in parts if isinstance(part, TextPart)]
    if len(texts) == len(parts):
        return _content(texts)
    return [_shown(part, place, call) for part in parts]


def _shown(part: Part, place: str, call: ModelCall) -> dict[str, Any]:
    match part:
        case TextPart():
            return {"type": "text", "text": part.text}
        case Document():
            return {"type": "text", "text": document_text(part)}
        case Attachment() if part.is_image and call.model.accepts.images:
            url = f"data:{part.media_type};base64,{call.data[part.digest]}"
        case ImageAddress() if call.model.accepts.images:
            url = part.image_url
        case _:
            raise NotCarried(place)
    return {"type": "image_url", "image_url": {"url": url, **({} if part.detail is None else {"detail": part.detail})}}


def document_text(document: Document) -> str:
    """Return a document as one text, for formats without documents: name and context, if any, in lines before it."""
    about = [text for text in (document.name, document.context) if text]
    return "\n".join([*about, document.text])


def _result(result: ToolResult, place: str) -> dict[str, Any]:
    content = (TextPart(result.content),) if isinstance(result.content, str) else result.content
    texts = [
        TextPart(document_text(part)) if isinstance(part, Document) else part
        for part in content
        if isinstance(part, TextPart | Document)
    ]
    if len(texts) != len(content):  # the format has no images in results
        raise NotCarried(place)
    if result.failed:  # nor failed results: without a word, a model takes a failure for a success
        texts.insert(0, TextPart(FAILED_RESULT))
    return {"role": Speaker.TOOL.value, "tool_call_id": result.call_id, "content": _content(texts)}


def _tool(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name, "parameters": json.loads(tool.parameters)}
    if tool.description is not None:
        function["description"] = tool.description
    if tool.strict:
        function["strict"] = True
    return {"type": "function", "function": function}


def _choice(choice: ToolChoice) -> str | dict[str, Any]:
    if choice.use is ToolUse.NAMED:
        return {"type": "function", "function": {"name": choice.name}}
    return choice.use.value


def _format(wanted: ResponseFormat) -> dict[str, Any]:
    if wanted.form is not AnswerForm.JSON_SCHEMA:
        return {"type": wanted.form.value}
    schema: dict[str, Any] = {"name": wanted.name, "schema": json.loads(wanted.schema or "{}")}
    if wanted.description is not None:
        schema["description"] = wanted.description
    if wanted.strict:
        schema["strict"] = True
    return {"type": wanted.form.value, "json_schema": schema}
