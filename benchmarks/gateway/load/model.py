"""A fake model behind the OpenAI wire format that answers at once, so that only the gateway is measured."""

import asyncio
import json
from typing import cast

import httptools

from benchmarks.tools.helper import Job, Jobs, serve_jobs

ANSWER = "Paris is the capital of France."
_BODY = json.dumps(
    {
        "id": "chatcmpl-fake",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "fake",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": ANSWER}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 30, "completion_tokens": 8, "total_tokens": 38},
    }
).encode()
_RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(_BODY), _BODY)
_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


class Counter:
    """Number of completions."""

    def __init__(self) -> None:
        self.served = 0


class _Connection(asyncio.Protocol):
    """A connection. The callbacks are httptools's; a request is answered when it is complete."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._url = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            if self._transport is not None:
                self._transport.close()

    def on_message_begin(self) -> None:
        self._url = b""

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_message_complete(self) -> None:
        if self._transport is None:
            return
        if self._parser.get_method() == b"POST" and self._url.endswith(b"/chat/completions"):
            self._counter.served += 1
            self._transport.write(_RESPONSE)
        else:
            self._transport.write(_NOT_FOUND)


async def _main(jobs: Jobs) -> None:
    counter = Counter()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(counter), "127.0.0.1", 0, backlog=512)
    jobs.ready(port=server.sockets[0].getsockname()[1])

    async def count(_: Job) -> Job:
        return {"served": counter.served}

    await jobs.work(count)
    server.close()


if __name__ == "__main__":
    serve_jobs(_main)
