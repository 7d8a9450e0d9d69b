"""Timing inside a process, by nesting: calls, their number, duration, and own time.

One request at a time: work that begins while a request is served counts for that request, whenever it ends.
"""

import functools
import inspect
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

Path = tuple[str, ...]
Label = str | Callable[[Sequence[Any]], str]


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of work, in seconds of the recorder's clock; ``items`` such as payloads."""

    path: Path
    began: float
    ended: float
    items: int = 0

    @property
    def seconds(self) -> float:
        """Return its duration."""
        return self.ended - self.began


Request = Sequence[Span]


@dataclass
class Recorder:
    """Keeps the spans request by request. ``clock`` in seconds."""

    root: str
    clock: Callable[[], float] = time.perf_counter
    requests: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._now: list[Span] = []
        self._path: ContextVar[Path] = ContextVar("path", default=())
        self._guard = threading.Lock()

    @contextmanager
    def span(self, label: str, items: int = 0) -> Iterator[None]:
        """Time a piece of work."""
        path = (*self._path.get(), label)
        token = self._path.set(path)
        request, began = self._now, self.clock()
        try:
            yield
        finally:
            ended = self.clock()
            self._path.reset(token)
            self._keep(request, Span(path, began, ended, items))

    def _keep(self, request: list[Span], span: Span) -> None:
        with self._guard:
            request.append(span)
            if span.path == (self.root,):
                self.requests.append(request)
                self._now = []

    def wrap(self, function: Callable[..., Any], label: Label, count: bool = False) -> Callable[..., Any]:
        """Return the function, timed. ``label`` may depend on its arguments; ``count`` counts the items."""

        def parts(arguments: Sequence[Any]) -> tuple[str, int]:
            return label if isinstance(label, str) else label(arguments), len(arguments[1]) if count else 0

        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def timed_async(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever it takes and gives
                name, items = parts(arguments)
                if not name:
                    return await function(*arguments, **named)
                with self.span(name, items):
                    return await function(*arguments, **named)

            return timed_async

        @functools.wraps(function)
        def timed(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever it takes and gives
            name, items = parts(arguments)
            if not name:
                return function(*arguments, **named)
            with self.span(name, items):
                return function(*arguments, **named)

        return timed


def uncovered(whole: Span, parts: Sequence[Span]) -> float:
    """Return the seconds of a span without any of the others, which may overlap."""
    left, reached = 0.0, whole.began
    for part in sorted(parts, key=lambda span: span.began):
        left += max(0.0, min(part.began, whole.ended) - reached)
        reached = max(reached, min(part.ended, whole.ended))
    return left + whole.ended - reached


def own_seconds(request: Request, path: Path) -> float:
    """Return the seconds of the spans of a path, without their direct children."""
    below = [span for span in request if span.path[:-1] == path]
    return sum(uncovered(span, below) for span in request if span.path == path)


def medians(requests: Sequence[Request]) -> dict[str, dict[str, float]]:
    """Return by path (joined by `` / ``): average calls and items per request; medians of ms in all, and of own ms.

    A path absent from a request counts as zero there.
    """
    found = {}
    for path in sorted({span.path for request in requests for span in request}):
        taken = [[span for span in request if span.path == path] for request in requests]
        found[" / ".join(path)] = {
            "calls": round(statistics.fmean(len(spans) for spans in taken), 2),
            "items": round(statistics.fmean(sum(span.items for span in spans) for spans in taken), 2),
            "ms": _ms(seconds_of(requests, path)),
            "own_ms": _ms([own_seconds(request, path) for request in requests]),
        }
    return found


def seconds_of(requests: Sequence[Request], path: Path) -> list[float]:
    """Return the seconds of one path, request by request."""
    return [sum(span.seconds for span in request if span.path == path) for request in requests]


def rest_ms(requests: Sequence[Request], root: str, waiting: Path) -> float:
    """Return the median rest of a wait without everything that ran beside it, outside of ``root``."""
    lefts = []
    for request in requests:
        beside = [span for span in request if len(span.path) == 1 and span.path[0] != root]
        lefts.append(sum(uncovered(span, beside) for span in request if span.path == waiting))
    return _ms(lefts)


def _ms(seconds: Sequence[float]) -> float:
    return round(statistics.median(seconds) * 1000, 3)
