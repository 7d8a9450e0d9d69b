"""Behaviours of a fake provider: small values that write a response, or fail to."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, Protocol

JSON_TYPE = {"content-type": "application/json"}
USAGE: Mapping[str, Any] = {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17}


class Behaviour(Protocol):
    """Behaviour of one call."""

    def output(self, released: asyncio.Event) -> AsyncIterator[bytes]:
        """The bytes to send, in the pieces to send them in. ``released`` is for those that wait."""
        ...


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete response."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: JSON_TYPE)
    body: bytes = b""

    def head(self, **headers: str) -> bytes:
        """The status line and the headers, with the blank line."""
        phrase = HTTPStatus(self.status).phrase if self.status in set(HTTPStatus) else "Unassigned"
        lines = [f"HTTP/1.1 {self.status} {phrase}"]
        lines += [f"{name}: {value}" for name, value in {**self.headers, **headers}.items()]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    async def output(self, released: asyncio.Event) -> AsyncIterator[bytes]:
        """All of it at once."""
        yield self.head(**{"content-length": str(len(self.body))}) + self.body


@dataclass(frozen=True, slots=True)
class Hang:
    """Nothing until released, then ``then``."""

    then: Reply

    async def output(self, released: asyncio.Event) -> AsyncIterator[bytes]:
        """Wait, then reply."""
        await released.wait()
        async for piece in self.then.output(released):
            yield piece


@dataclass(frozen=True, slots=True)
class Made:
    """A reply that is made when it is sent: one that depends on the call."""

    make: Callable[[], Reply]

    async def output(self, released: asyncio.Event) -> AsyncIterator[bytes]:
        """All of it at once."""
        async for piece in self.make().output(released):
            yield piece


@dataclass(frozen=True, slots=True)
class Trickle:
    """A reply whose body comes in chunks of ``size`` bytes with a ``pause`` (seconds) before each."""

    reply: Reply
    size: int = 16
    pause: float = 0.01

    async def output(self, released: asyncio.Event) -> AsyncIterator[bytes]:
        """The chunks (RFC 9112 section 7.1)."""
        yield self.reply.head(**{"transfer-encoding": "chunked"})
        for start in range(0, len(self.reply.body), self.size):
            await asyncio.sleep(self.pause)
            yield _chunk(self.reply.body[start : start + self.size])
        yield _chunk(b"")


@dataclass(frozen=True, slots=True)
class Endless:
    """A body without an end: white space, for as long as the client reads, with a ``pause`` between chunks."""

    status: int = 200
    size: int = 64 * 1024
    pause: float = 0.0

    async def output(self, released: asyncio.Event) -> AsyncIterator[bytes]:
        """Chunks for ever."""
        yield Reply(self.status).head(**{"transfer-encoding": "chunked"})
        for _ in itertools.count():
            await asyncio.sleep(self.pause)
            yield _chunk(b" " * self.size)


class ConnectionDropped(ConnectionAbortedError):
    """A behaviour ends the connection, by a reset (RST) or an orderly close."""

    def __init__(self, *, reset: bool) -> None:
        super().__init__()
        self.reset = reset


@dataclass(frozen=True, slots=True)
class Drop:
    """The bytes ``after``, then the end of the connection: closed, or ``reset``."""

    after: bytes = b""
    reset: bool = False

    async def output(self, released: asyncio.Event) -> AsyncIterator[bytes]:
        """Chunks before the end."""
        yield self.after
        raise ConnectionDropped(reset=self.reset)


def _chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def document(value: object) -> Reply:
    """A 200 with any JSON document."""
    return Reply(body=json.dumps(value).encode())


def completion(text: object, usage: object = USAGE, finish_reason: object = "stop") -> dict[str, Any]:
    """The document of a chat completion. A ``usage`` of None leaves it out."""
    message = {"role": "assistant", "content": text}
    found: dict[str, Any] = {
        "id": "chatcmpl-fake",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "fake",
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason, "logprobs": None}],
    }
    return found if usage is None else {**found, "usage": usage}


def answer(
    text: str = "A plain answer.", usage: Mapping[str, Any] | None = USAGE, finish_reason: str = "stop"
) -> Reply:
    """An answer as it should be."""
    return document(completion(text, usage, finish_reason))


def message(*blocks: Mapping[str, Any], usage: Mapping[str, Any] | None = None, stop_reason: str = "end_turn") -> Reply:
    """An answer in Anthropic's format: its content blocks, by default one of text."""
    return document(
        {
            "id": "msg_fake",
            "type": "message",
            "role": "assistant",
            "model": "fake",
            "content": list(blocks) or [{"type": "text", "text": "A plain answer."}],
            "stop_reason": stop_reason,
            "stop_sequence": None,
            "usage": usage or {"input_tokens": 12, "output_tokens": 5},
        }
    )


def said(text: str, **more: Any) -> Reply:
    """An answer of one text in Anthropic's format."""
    return message({"type": "text", "text": text}, **more)


def status(code: int, headers: Mapping[str, str] | None = None, error: Mapping[str, Any] | None = None) -> Reply:
    """A status with OpenAI's shape of error."""
    shape = {"message": "The fake provider was told to fail.", "type": "fake", "code": None, "param": None}
    body = json.dumps({"error": {**shape, **(error or {})}}).encode()
    return Reply(status=code, headers={**JSON_TYPE, **(headers or {})}, body=body)


def redirect(location: str, code: int = 307) -> Reply:
    """A redirect. 307 and 308 ask for the same method and body again."""
    return replace(status(code), headers={**JSON_TYPE, "location": location})


def garbage(body: bytes = b"<html>no such thing</html>", content_type: str = "text/html") -> Reply:
    """A 200 with any bytes."""
    return Reply(headers={"content-type": content_type}, body=body)


def hang(**arguments: Any) -> Hang:
    """Hang, then answer: the arguments are those of ``answer``."""
    return Hang(answer(**arguments))


_BY_NAME: Mapping[str, Callable[..., Behaviour]] = {
    "answer": answer,
    "document": document,
    "drop": Drop,
    "endless": Endless,
    "garbage": garbage,
    "hang": hang,
    "said": said,
    "redirect": redirect,
    "status": status,
}


def from_json(spec: Mapping[str, Any]) -> Behaviour:
    """A behaviour from ``{"do": NAME, ...arguments}``, with the names and arguments of this module's functions."""
    arguments = dict(spec)
    return _BY_NAME[arguments.pop("do")](**arguments)
