"""Port of the writers of events, one for each client's format."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from api.inference.run_views import RunView
from api.wires.errors import ErrorContent
from api.wires.streams.events import ServerEvent
from api.wires.streams.fragments import Fragment


@dataclass(frozen=True, slots=True)
class OpenedStream:
    """The beginning of a stream.

    Attributes:
        run_id: the run's public ID.
        created: seconds since the epoch: the run's start.
        model: the alias that answered, or the one asked for while that is unknown.
        prompt_tokens: those charged, or an estimate while the outcome is unknown.
        view: the run's outcome, if it is known already.
    """

    run_id: str
    created: int
    model: str
    prompt_tokens: int
    view: RunView | None = None


class EventWriter(Protocol):
    """Events of one stream. Calls come in this order: ``opening``, then fragments, then ``end`` or ``failed``.

    ``keep_alive`` comes at any time after ``opening``. A writer belongs to one stream, and may count its events.
    """

    def opening(self, opened: OpenedStream) -> Iterable[ServerEvent]:
        """Return the first events."""
        ...

    def keep_alive(self) -> bytes:
        """Return bytes that keep the client's idle timer from ending the stream: an event or a comment."""
        ...

    def fragment(self, fragment: Fragment) -> Iterable[ServerEvent]:
        """Return the events of a fragment of the answer."""
        ...

    def end(self, view: RunView) -> Iterable[ServerEvent]:
        """Return the last events of an answered run: reason, usage, the member ``assay``, and the format's end."""
        ...

    def failed(self, error: ErrorContent) -> Iterable[ServerEvent]:
        """Return the last events of a stream that ends in an error after its opening."""
        ...
