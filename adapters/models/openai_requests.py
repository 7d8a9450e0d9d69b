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
from domain.inference.content import Message, Part, RefusalPart, Speaker, TextPart, ToolCall, ToolResult
from domain.inference.models import ModelCall
from domain.inference.requests import AnswerForm, ResponseFormat, Tool, ToolChoice, ToolUse

FAILED_RESULT: Final = "The tool has failed:"
"""Text before the result of a failed tool, for which the format has no mark."""
_CARRIED: Final[Mapping[Speaker, tuple[type, ...]]] = MappingProxyType(
    {
        Speaker.SYSTEM: (TextPart,),
        Speaker.USER: (TextPart, ToolResult),
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
    messages = [made for at, message in enumerate(request.messages) for made in _messages(message, f"messages.{at}")]
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
    }
    return body | {name: value for name, value in options.items() if value is not None}


def _messages(message: Message, place: str) -> Iterator[dict[str, Any]]:
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
            yield {"role": message.role.value, "content": _content([p for p in parts if isinstance(p, TextPart)])}


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


def _result(result: ToolResult, place: str) -> dict[str, Any]:
    content = (TextPart(result.content),) if isinstance(result.content, str) else result.content
    texts = [part for part in content if isinstance(part, TextPart)]
    if len(texts) != len(content):  # the format has no files in results
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
