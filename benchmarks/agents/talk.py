"""Conversations of coding agents, made from a seed: tools, calls, results, and a few data, each turn longer."""

import json
import random
from dataclasses import replace

from domain.inference.content import Content, Message, Speaker, TextKind, TextPart, ToolCall, ToolResult
from domain.inference.requests import InferenceRequest, Tool

_WORDS = (
    *(
        "the",
        "a",
        "of",
        "to",
        "in",
        "reads",
        "writes",
        "file",
        "test",
        "module",
        "value",
        "returns",
        "when",
        "if",
        "and",
    ),
    *("checks", "parser", "request", "client", "handler", "error", "raises", "list", "path", "line", "state", "buffer"),
)
_DATA = ("alice@example.com", "+44 20 7946 0958", "4111 1111 1111 1111", "AKIAQWERTYUIOPASDFGH", "bob@corp.example")


class AgentTalk:
    """A conversation that grows by turns: an instruction, calls of tools with results, an answer."""

    def __init__(self, seed: int = 1, *, characters_a_turn: int = 2_000, tools: int = 6, data: bool = True) -> None:
        self._random = random.Random(seed)
        self._length = characters_a_turn
        self._data = data
        description = self.prose(300)
        self.tools = tuple(
            Tool(f"tool_{at}", json.dumps({"type": "object", "description": self.prose(200)}), f"{at}: {description}")
            for at in range(tools)
        )
        self.messages: list[Message] = [Message(Speaker.SYSTEM, f"You are an agent. {self.prose(800)}")]
        self._calls = 0

    def prose(self, length: int) -> str:
        words: list[str] = []
        while sum(map(len, words)) + len(words) < length:
            words.append(self._random.choice(_WORDS))
            if not self._random.randrange(10):
                words[-1] += "."
        return " ".join(words)

    def code(self, length: int) -> str:
        lines: list[str] = []
        while sum(map(len, lines)) + len(lines) < length:
            name = "_".join(self._random.choices(_WORDS, k=2))
            lines += [
                f"def {name}(value: int) -> int:",
                f'    """{self.prose(60)}"""',
                f"    return value + {self._calls}",
                "",
            ]
        return "\n".join(lines)

    def _value(self) -> str:
        """Return a value to mask every other time."""
        return f" {self._random.choice(_DATA)}" if self._random.randrange(2) else ""

    def turn(self) -> InferenceRequest:
        """Add a turn, and return the request of its last model call."""
        value = self._value() if self._data else ""
        self.messages.append(Message(Speaker.USER, f"{self.prose(120)}{value}"))
        for _ in range(2):
            self._calls += 1
            name = f"call_{self._calls}"
            arguments = json.dumps({"path": f"/src/{self._calls}.py", "content": self.code(self._length // 8)})
            said: Content = (
                TextPart(self.prose(100)),
                ToolCall(name, f"tool_{self._calls % len(self.tools)}", arguments),
            )
            self.messages.append(Message(Speaker.ASSISTANT, said))
            result = ToolResult(name, self.code(self._length // 2) + value)
            self.messages.append(Message(Speaker.TOOL, (result,), TextKind.TOOL_OUTPUT))
        request = self.request()
        self.messages.append(Message(Speaker.ASSISTANT, self.prose(150)))
        return request

    def request(self) -> InferenceRequest:
        """The conversation so far."""
        return replace(InferenceRequest("m", tuple(self.messages), 0.7, 1_000), tools=self.tools)
