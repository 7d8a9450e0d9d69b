"""HTTP/1.1 protocol of the server: uvicorn's, with limits that hold before a request reaches the application.

The parser keeps what it has read of a header until that is complete, so an endless one would fill the memory: it is
given no more bytes of a head than ``ServerLimits.head_bytes``.
"""

import asyncio
import json
from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from api.problems import MEDIA_TYPE, headers_for, problem_body
from api.server.limits import ServerLoad
from domain.refusals import Kind, Refusal


class _LimitReached(Exception):
    """Ends the parsing of a request. The refusal was kept by the protocol."""


class LimitedProtocol(HttpToolsProtocol):
    """One connection. Answers a request beyond a limit with a problem (RFC 9457) and closes."""

    def __init__(self, load: ServerLoad, *args: Any, **given: Any) -> None:  # noqa: ANN401 - uvicorn's
        """Take the load that all connections of the process share; the rest is uvicorn's."""
        super().__init__(*args, **given)
        self._load = load
        self._limits = load.limits
        self._address: str | None = None
        self._refusal: Refusal | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._write_deadline: asyncio.TimerHandle | None = None
        self._in_head = True
        self._head_bytes = 0
        self._body_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        """Admit the connection, or close it if there are too many."""
        super().connection_made(transport)
        address = self.client[0] if self.client else ""
        if self._load.admit(address):
            self._address = address
            self._expect_head()
        else:
            self._refuse(Refusal(Kind.SERVER_BUSY, "too many connections", retry_after=1))

    def connection_lost(self, exc: Exception | None) -> None:
        """Give back what the connection held."""
        self._cancel_deadline()
        self.resume_writing()
        self._release_body()
        if self._address is not None:
            self._load.release(self._address)
            self._address = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse the data, no more of a head than its limit allows."""
        rest = memoryview(data)
        while rest and not self.transport.is_closing():
            piece = rest
            if self._in_head:
                if self._deadline is None:
                    self._expect_head()
                piece = rest[: self._limits.head_bytes - self._head_bytes]
                if not piece:
                    self._refuse(Refusal(Kind.HEADERS_TOO_LARGE, f"at most {self._limits.head_bytes} bytes of headers"))
                    return
                self._head_bytes += len(piece)
            super().data_received(bytes(piece))
            rest = rest[len(piece) :]

    def on_url(self, url: bytes) -> None:
        """Count the request target, which the parser gives in pieces."""
        super().on_url(url)
        if len(self.url) > self._limits.url_bytes:
            self._stop_parsing(Kind.URL_TOO_LONG, f"the URL must have at most {self._limits.url_bytes} bytes")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count the header fields."""
        super().on_header(name, value)
        if len(self.headers) > self._limits.headers:
            self._stop_parsing(Kind.HEADERS_TOO_LARGE, f"at most {self._limits.headers} headers")

    def on_headers_complete(self) -> None:
        """Expect the body from now on."""
        if sum(name == b"host" for name, _ in self.headers) > 1:  # RFC 9112 section 3.2
            self._stop_parsing(Kind.MALFORMED_BODY, "more than one Host header")
        self._in_head = False
        self._expect(self._limits.body_seconds)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Count the body against the budget of the process. What comes after the response is thrown away."""
        if not self.cycle.response_complete:
            self._body_bytes += len(body)
            if not self._load.hold_body(len(body)):
                self._stop_parsing(Kind.SERVER_BUSY, "too many request bodies at once")
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Expect the next request."""
        self._cancel_deadline()
        self._in_head, self._head_bytes = True, 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Give the body back, unless a pipelined request waits with its own."""
        if not self.pipeline:
            self._release_body()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """Bound the wait for a client that does not read."""
        super().pause_writing()
        self._write_deadline = self.loop.call_later(self._limits.write_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """End the wait."""
        if self._write_deadline is not None:
            self._write_deadline.cancel()
            self._write_deadline = None
        if self.flow is not None:
            super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Answer what the parser did not accept, or what a limit ended."""
        self._refuse(self._refusal or Refusal(Kind.MALFORMED_BODY, "the request is not valid HTTP/1.1"))

    def _stop_parsing(self, kind: Kind, detail: str) -> None:
        self._refusal = Refusal(kind, detail, retry_after=1 if kind is Kind.SERVER_BUSY else None)
        raise _LimitReached

    def _expect_head(self) -> None:
        self._expect(self._limits.head_seconds)

    def _expect(self, seconds: float) -> None:
        self._cancel_deadline()
        self._deadline = self.loop.call_later(seconds, self._too_late)

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        self._deadline = None
        self._refuse(Refusal(Kind.REQUEST_TIMEOUT, "the request did not arrive in time"))

    def _release_body(self) -> None:
        self._load.release_body(self._body_bytes)
        self._body_bytes = 0

    def _refuse(self, refusal: Refusal) -> None:
        """Answer and close. Without an answer where another one is under way or was begun, or where nothing came."""
        cycle: RequestResponseCycle | None = self.cycle
        working = cycle is not None and not cycle.response_complete
        begun = cycle is not None and cycle.response_started
        nothing_came = refusal.kind is Kind.REQUEST_TIMEOUT and self._in_head and not self._head_bytes
        silent = nothing_came or (working and (self._in_head or begun))
        if not self.transport.is_closing() and not silent:
            self.transport.write(_response(refusal))
        if cycle is not None:
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.close()


def limited_protocol(load: ServerLoad) -> type[asyncio.Protocol]:
    """Bind the protocol to a process's load, as uvicorn's setting ``http`` takes it."""
    return partial(LimitedProtocol, load)  # type: ignore[return-value] # uvicorn only calls it


def _response(refusal: Refusal) -> bytes:
    body = json.dumps(problem_body(refusal), separators=(",", ":")).encode()
    headers = {
        "content-type": MEDIA_TYPE,
        "content-length": str(len(body)),
        "cache-control": "no-store",
        "connection": "close",
        **headers_for(refusal.kind, refusal.retry_after, final=False),
    }
    lines = b"".join(f"{name}: {value}\r\n".encode("latin-1") for name, value in headers.items())
    status: bytes = STATUS_LINE[problem_body(refusal)["status"]]
    return status + lines + b"\r\n" + body
