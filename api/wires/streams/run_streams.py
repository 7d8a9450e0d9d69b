"""Streams of runs: an opening, keep-alive while the run works, its answer once recorded.

Decision 56 says when the first byte leaves.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import structlog
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.inference import run_views
from api.inference.inference_services import StreamTerms
from api.inference.run_views import RunView
from api.wires.errors import ErrorContent
from api.wires.streams.events import ServerEvent
from api.wires.streams.fragments import fragments_of
from api.wires.streams.writer import EventWriter, OpenedStream
from assay_temporal.keyring import KeyUnavailable
from domain.refusals import Kind, Refusal

HEADERS: Final[Mapping[str, str]] = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
MEDIA_TYPE: Final = "text/event-stream"
_BATCH_BYTES: Final = 16_384
log = structlog.get_logger(__name__)


class EventStream(StreamingResponse):
    """A response of events. ``released`` is called once, however it ends, with True for one that was sent whole."""

    def __init__(
        self, events: AsyncIterator[bytes], headers: Mapping[str, str], released: Callable[[bool], Awaitable[None]]
    ) -> None:
        super().__init__(events, headers={**HEADERS, **headers}, media_type=MEDIA_TYPE)
        self._released = released
        self._whole = False
        self.body_iterator = self._noting(events)

    async def _noting(self, events: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for chunk in events:
            yield chunk
        self._whole = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response (ASGI 3.0)."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._released(self._whole)


async def _unnoted() -> None:
    """Note nothing with a keep-alive."""


@dataclass(frozen=True, slots=True)
class RunStream:
    """The events of one run.

    Attributes:
        writer: of the client's format.
        opened: what is known at the opening.
        outcome: the run's outcome, being awaited.
        error: returns a refusal, or a run that has not ended, as an error of the client's format.
        waits: called with each keep-alive.
    """

    writer: EventWriter
    opened: OpenedStream
    outcome: "asyncio.Task[RunView]"
    error: Callable[[Refusal | RunView], ErrorContent]
    waits: Callable[[], Awaitable[None]] = _unnoted

    async def events(self, terms: StreamTerms) -> AsyncIterator[bytes]:
        """Yield the events as bytes, up to the end or an error."""
        yield _encoded(self.writer.opening(self.opened))
        left = terms.wait_seconds
        while not self.outcome.done() and left > 0:
            await asyncio.wait({self.outcome}, timeout=min(terms.keep_alive_seconds, left))
            left -= terms.keep_alive_seconds
            if not self.outcome.done():
                yield self.writer.keep_alive()
                await self.waits()
        for chunk in _batched(self._rest()):
            yield chunk

    def _rest(self) -> Iterable[ServerEvent]:
        try:
            view = self.outcome.result() if self.outcome.done() else None
        except Refusal as refusal:
            yield from self.writer.failed(self.error(refusal))
            return
        except KeyUnavailable:
            yield from self.writer.failed(self.error(Refusal(Kind.VAULT_UNAVAILABLE, "the key store did not answer")))
            return
        except Exception:
            log.exception("stream failed unexpectedly")
            yield from self.writer.failed(self.error(Refusal(Kind.INTERNAL, "internal error")))
            return
        answer = view.result.result if view is not None and view.result is not None else None
        if view is None or view.running or view.refusal is not None or answer is None:
            yield from self.writer.failed(self.error(view or run_views.running(self.opened.run_id)))
            return
        for fragment in fragments_of(answer):
            yield from self.writer.fragment(fragment)
        yield from self.writer.end(view)


def _encoded(events: Iterable[ServerEvent]) -> bytes:
    return b"".join(event.encoded() for event in events)


def _batched(events: Iterable[ServerEvent]) -> Iterable[bytes]:
    """Join events up to some size: a message to the server for each one costs more than its bytes."""
    batch: list[bytes] = []
    size = 0
    for event in events:
        batch.append(event.encoded())
        size += len(batch[-1])
        if size >= _BATCH_BYTES:
            yield b"".join(batch)
            batch, size = [], 0
    if batch:
        yield b"".join(batch)
