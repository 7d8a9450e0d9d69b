"""The clients' formats as data: how each carries a text, and how each gives an answer.

A new format, or a new carrier of one, is a line here; the matrix and the page of the coverage follow.
"""

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from api.wires.chat.routes import chat_request
from api.wires.client_requests import ClientRequest
from api.wires.messages.routes import messages_request
from api.wires.responses.requests import StoredContext, read_response_request
from api.wires.responses.routes import client_request
from domain.inference.carriers.kinds import Carrier

Place = Callable[[str], dict[str, Any]]
"""Makes a client's body with a text in one carrier."""


@dataclass(frozen=True, slots=True)
class ClientFormat:
    """A format: its translator, and a body for each carrier that it has. ``streamed`` are the members of a stream."""

    name: str
    translate: Callable[[dict[str, Any], Any], ClientRequest]
    places: Mapping[Carrier, Place]
    streamed: Mapping[str, Any]


HELLO = "Hello there"
SCHEMA = {"type": "object"}
PNG = b64encode(b"\x89PNG\r\n\x1a\n" + bytes(8)).decode()


def _file(text: str) -> str:
    return b64encode(text.encode()).decode()


# Chat completions


def _chat(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"model": "fake", "messages": [*messages, {"role": "user", "content": HELLO}], **more}


def _chat_tool(**more: Any) -> dict[str, Any]:
    return _chat(tools=[{"type": "function", "function": {"name": "look_up", **more}}])


def _chat_called(name: str = "look_up", arguments: str = "{}", result: str = "fine") -> dict[str, Any]:
    call = {"id": "c1", "type": "function", "function": {"name": name, "arguments": arguments}}
    return _chat(
        {"role": "user", "content": HELLO},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": result}]},
    )


def _chat_file(name: str, text: str) -> dict[str, Any]:
    data = f"data:text/plain;base64,{_file(text)}"
    return _chat({"role": "user", "content": [{"type": "file", "file": {"filename": name, "file_data": data}}]})


CHAT: Mapping[Carrier, Place] = {
    Carrier.INSTRUCTIONS: lambda text: _chat({"role": "developer", "content": text}),
    Carrier.USER: lambda text: _chat({"role": "user", "content": [{"type": "text", "text": text}]}),
    Carrier.ASSISTANT: lambda text: _chat({"role": "user", "content": HELLO}, {"role": "assistant", "content": text}),
    Carrier.DOCUMENT: lambda text: _chat_file("notes.txt", text),
    Carrier.FILE_NAME: lambda text: _chat_file(text, "fine"),
    Carrier.REFUSAL: lambda text: _chat({"role": "assistant", "content": None, "refusal": text}),
    Carrier.TOOL_CALL: lambda text: _chat_called(name=text),
    Carrier.TOOL_ARGUMENTS: lambda text: _chat_called(arguments=json.dumps({"query": text})),
    Carrier.TOOL_RESULT: lambda text: _chat_called(result=text),
    Carrier.TOOL_NAME: lambda text: _chat_tool(name=text),
    Carrier.TOOL_DESCRIPTION: lambda text: _chat_tool(description=text),
    Carrier.TOOL_SCHEMA: lambda text: _chat_tool(parameters={**SCHEMA, "description": text}),
    Carrier.RESPONSE_SCHEMA: lambda text: _chat(
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": {**SCHEMA, "description": text}},
        }
    ),
    Carrier.STOP: lambda text: _chat(stop=[text]),
}

# Messages


def _messages(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    last = {"role": "user", "content": HELLO}
    return {"model": "fake", "max_tokens": 64, "messages": [*messages, last], **more}


def _anthropic_tool(**more: Any) -> dict[str, Any]:
    return _messages(tools=[{"name": "look_up", "input_schema": SCHEMA, **more}])


def _used(name: str = "look_up", given: Mapping[str, Any] | None = None, result: str = "fine") -> dict[str, Any]:
    return _messages(
        {"role": "user", "content": HELLO},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "c1", "name": name, "input": given or {}}],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": result}]}],
        },
    )


def _document(text: str = "fine", **more: Any) -> dict[str, Any]:
    source = {"type": "text", "media_type": "text/plain", "data": text}
    return _messages({"role": "user", "content": [{"type": "document", "source": source, **more}]})


MESSAGES: Mapping[Carrier, Place] = {
    Carrier.INSTRUCTIONS: lambda text: _messages(system=[{"type": "text", "text": text}]),
    Carrier.USER: lambda text: _messages({"role": "user", "content": [{"type": "text", "text": text}]}),
    Carrier.ASSISTANT: lambda text: _messages(
        {"role": "user", "content": HELLO}, {"role": "assistant", "content": [{"type": "text", "text": text}]}
    ),
    Carrier.DOCUMENT: _document,
    Carrier.FILE_NAME: lambda text: _document(title=text),
    Carrier.REASONING: lambda text: _messages(
        {"role": "user", "content": HELLO},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": text, "signature": "c2lnbmVk"}]},
    ),
    Carrier.TOOL_CALL: lambda text: _used(name=text),
    Carrier.TOOL_ARGUMENTS: lambda text: _used(given={"query": text}),
    Carrier.TOOL_RESULT: lambda text: _used(result=text),
    Carrier.TOOL_NAME: lambda text: _anthropic_tool(name=text),
    Carrier.TOOL_DESCRIPTION: lambda text: _anthropic_tool(description=text),
    Carrier.TOOL_SCHEMA: lambda text: _anthropic_tool(input_schema={**SCHEMA, "description": text}),
    Carrier.RESPONSE_SCHEMA: lambda text: _messages(
        output_config={"format": {"type": "json_schema", "schema": {**SCHEMA, "description": text}}}
    ),
    Carrier.STOP: lambda text: _messages(stop_sequences=[text]),
}

# Responses


def _responses(*items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"model": "fake", "input": [*items, {"role": "user", "content": HELLO}], **more}


def _function(**more: Any) -> dict[str, Any]:
    return _responses(tools=[{"type": "function", "name": "look_up", "parameters": SCHEMA, **more}])


def _function_called(name: str = "look_up", arguments: str = "{}", result: str = "fine") -> dict[str, Any]:
    return _responses(
        {"role": "user", "content": HELLO},
        {"type": "function_call", "call_id": "c1", "name": name, "arguments": arguments},
        {"type": "function_call_output", "call_id": "c1", "output": result},
    )


def _input_file(name: str, text: str) -> dict[str, Any]:
    data = f"data:text/plain;base64,{_file(text)}"
    part = {"type": "input_file", "filename": name, "file_data": data}
    return _responses({"role": "user", "content": [part]})


def _said(kind: str, **member: str) -> dict[str, Any]:
    return _responses(
        {"role": "user", "content": HELLO},
        {"type": "message", "role": "assistant", "content": [{"type": kind, **member}]},
    )


RESPONSES: Mapping[Carrier, Place] = {
    Carrier.INSTRUCTIONS: lambda text: _responses(instructions=text),
    Carrier.USER: lambda text: _responses({"role": "user", "content": [{"type": "input_text", "text": text}]}),
    Carrier.ASSISTANT: lambda text: _said("output_text", text=text),
    Carrier.DOCUMENT: lambda text: _input_file("notes.txt", text),
    Carrier.FILE_NAME: lambda text: _input_file(text, "fine"),
    Carrier.REFUSAL: lambda text: _said("refusal", refusal=text),
    Carrier.REASONING: lambda text: _responses(
        {"role": "user", "content": HELLO},
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": text}],
            "encrypted_content": "thinking.signature:c2lnbmVk",
        },
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "fine"}]},
    ),
    Carrier.TOOL_CALL: lambda text: _function_called(name=text),
    Carrier.TOOL_ARGUMENTS: lambda text: _function_called(arguments=json.dumps({"query": text})),
    Carrier.TOOL_RESULT: lambda text: _function_called(result=text),
    Carrier.TOOL_NAME: lambda text: _function(name=text),
    Carrier.TOOL_DESCRIPTION: lambda text: _function(description=text),
    Carrier.TOOL_SCHEMA: lambda text: _function(parameters={**SCHEMA, "description": text}),
    Carrier.RESPONSE_SCHEMA: lambda text: _responses(
        text={"format": {"type": "json_schema", "name": "answer", "schema": {**SCHEMA, "description": text}}}
    ),
}


def _response(sent: dict[str, Any], inference: Any) -> ClientRequest:
    return client_request(read_response_request(sent, StoredContext()), inference)


FORMATS = (
    ClientFormat("chat", lambda sent, _: chat_request(sent), CHAT, {"stream": True}),
    ClientFormat("messages", lambda sent, _: messages_request(sent), MESSAGES, {"stream": True}),
    ClientFormat("responses", _response, RESPONSES, {"stream": True}),
)
