"""Requests of tests in each format of the clients, and readers of the answers."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.fakes.behaviours import Reply, completion, document

PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"name": "get_weather", "description": "Weather of a city."}
USED = {"city": "Oslo"}


@dataclass(frozen=True)
class Dialect:
    """A format, as its SDK is used.

    Attributes:
        package: the SDK.
        of: the resource of its client.
        limit: the argument that limits an answer's tokens.
        base: returns the base URL by the gateway's address.
        text: makes the arguments of a plain request.
        tools: makes those of a request with a tool.
        result: makes those of a request with a tool's result, by the final object of the call's answer.
        said: reads the text of a final object.
        calls: reads the calls of a final object, as names and arguments.
        run_id: reads the run's ID of a final object.
        deltas: joins the text of raw events.
    """

    package: str
    of: str
    limit: str
    base: Callable[[str], str]
    text: Callable[[str], dict[str, Any]]
    tools: Callable[[str], dict[str, Any]]
    result: Callable[[str, dict[str, Any], str], dict[str, Any]]
    said: Callable[[dict[str, Any]], str]
    calls: Callable[[dict[str, Any]], list[tuple[str, Any]]]
    run_id: Callable[[dict[str, Any]], str]
    deltas: Callable[[list[dict[str, Any]]], str]


def _chat(text: str) -> dict[str, Any]:
    return {"model": "fake", "messages": [{"role": "user", "content": text}]}


def _chat_tools(text: str) -> dict[str, Any]:
    return {**_chat(text), "tools": [{"type": "function", "function": {**TOOL, "parameters": PARAMETERS}}]}


def _chat_result(text: str, final: dict[str, Any], result: str) -> dict[str, Any]:
    said = final["choices"][0]["message"]
    call = {name: said["tool_calls"][0][name] for name in ("id", "type")}
    function = {name: said["tool_calls"][0]["function"][name] for name in ("name", "arguments")}
    asked = _chat_tools(text)
    asked["messages"] += [
        {"role": "assistant", "content": said["content"], "tool_calls": [{**call, "function": function}]},
        {"role": "tool", "tool_call_id": call["id"], "content": result},
    ]
    return asked


def _responses(text: str) -> dict[str, Any]:
    return {"model": "fake", "input": [{"role": "user", "content": text}]}


def _responses_tools(text: str) -> dict[str, Any]:
    return {**_responses(text), "tools": [{"type": "function", **TOOL, "parameters": PARAMETERS, "strict": False}]}


def _responses_result(text: str, final: dict[str, Any], result: str) -> dict[str, Any]:
    asked = _responses_tools(text)
    called = [item for item in final["output"] if item["type"] == "function_call"]
    kept = ("type", "id", "call_id", "name", "arguments", "status")
    asked["input"] += [{name: item[name] for name in kept} for item in called]
    asked["input"] += [{"type": "function_call_output", "call_id": called[0]["call_id"], "output": result}]
    return asked


def _messages(text: str) -> dict[str, Any]:
    return {"model": "fake", "max_tokens": 100, "messages": [{"role": "user", "content": text}]}


def _messages_tools(text: str) -> dict[str, Any]:
    return {**_messages(text), "tools": [{**TOOL, "input_schema": PARAMETERS}]}


def _messages_result(text: str, final: dict[str, Any], result: str) -> dict[str, Any]:
    asked = _messages_tools(text)
    [call] = [block for block in final["content"] if block["type"] == "tool_use"]
    use = {name: call[name] for name in ("type", "id", "name", "input")}
    block = {"type": "tool_result", "tool_use_id": call["id"], "content": result}
    asked["messages"] += [{"role": "assistant", "content": [use]}, {"role": "user", "content": [block]}]
    return asked


DIALECTS: Mapping[str, Dialect] = {
    "chat": Dialect(
        package="openai",
        of="chat.completions",
        limit="max_completion_tokens",
        base=lambda address: f"{address}/v1",
        text=_chat,
        tools=_chat_tools,
        result=_chat_result,
        said=lambda final: final["choices"][0]["message"]["content"],
        calls=lambda final: [
            (call["function"]["name"], json.loads(call["function"]["arguments"]))
            for call in final["choices"][0]["message"]["tool_calls"]
        ],
        run_id=lambda final: final["id"],
        deltas=lambda events: "".join(
            choice["delta"].get("content") or "" for event in events for choice in event["choices"]
        ),
    ),
    "responses": Dialect(
        package="openai",
        of="responses",
        limit="max_output_tokens",
        base=lambda address: f"{address}/v1",
        text=_responses,
        tools=_responses_tools,
        result=_responses_result,
        said=lambda final: "".join(
            part["text"] for item in final["output"] if item["type"] == "message" for part in item["content"]
        ),
        calls=lambda final: [
            (item["name"], json.loads(item["arguments"])) for item in final["output"] if item["type"] == "function_call"
        ],
        run_id=lambda final: final["id"].removeprefix("resp_"),
        deltas=lambda events: "".join(
            event["delta"] for event in events if event["type"] == "response.output_text.delta"
        ),
    ),
    "messages": Dialect(
        package="anthropic",
        of="messages",
        limit="max_tokens",
        base=lambda address: address,
        text=_messages,
        tools=_messages_tools,
        result=_messages_result,
        said=lambda final: "".join(block["text"] for block in final["content"] if block["type"] == "text"),
        calls=lambda final: [
            (block["name"], block["input"]) for block in final["content"] if block["type"] == "tool_use"
        ],
        run_id=lambda final: final["id"],
        deltas=lambda events: "".join(
            event["delta"]["text"]
            for event in events
            if event["type"] == "content_block_delta" and event["delta"]["type"] == "text_delta"
        ),
    ),
}


def tool_call() -> Reply:
    """Return the answer of a model that uses the tool."""
    function = {"name": TOOL["name"], "arguments": json.dumps(USED)}
    message = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "call_1", "type": "function", "function": function}],
    }
    return document({**completion(None), "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]})
