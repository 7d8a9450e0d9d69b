"""Times what happens inside a process, by nesting: who called whom, how often, how long, and how long without those.

One request at a time: what happens while a request is served is counted to that request.
"""

import functools
import inspect
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

Path = tuple[str, ...]
Label = str | Callable[[Sequence[Any]], str]


@dataclass
class _Open:
    path: Path
    inner: float = 0.0


@dataclass
class Sum:
    """Of all spans of one path in one request: calls, items (payloads, say), seconds, and those of them its own."""

    calls: int = 0
    items: int = 0
    seconds: float = 0.0
    own: float = 0.0


@dataclass
class Recorder:
    """Keeps the sums request by request. ``clock`` in seconds."""

    root: str
    clock: Callable[[], float] = time.perf_counter
    requests: list[dict[Path, Sum]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._now: dict[Path, Sum] = {}
        self._open: ContextVar[_Open | None] = ContextVar("open_span", default=None)
        self._guard = threading.Lock()

    @contextmanager
    def span(self, label: str, items: int = 0) -> Iterator[None]:
        """Time a piece of work."""
        outer = self._open.get()
        here = _Open((*outer.path, label) if outer else (label,))
        token = self._open.set(here)
        began = self.clock()
        try:
            yield
        finally:
            seconds = self.clock() - began
            self._open.reset(token)
            if outer is not None:
                outer.inner += seconds
            self._keep(here, seconds, items)

    def _keep(self, ended: _Open, seconds: float, items: int) -> None:
        with self._guard:
            total = self._now.setdefault(ended.path, Sum())
            total.calls += 1
            total.items += items
            total.seconds += seconds
            total.own += seconds - ended.inner
            if ended.path == (self.root,):
                self.requests.append(self._now)
                self._now = {}

    def wrap(self, function: Callable[..., Any], label: Label, count: bool = False) -> Callable[..., Any]:
        """The function, timed. ``label`` may depend on its arguments; ``count`` counts the items of the second."""

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


def medians(requests: Sequence[Mapping[Path, Sum]]) -> dict[str, dict[str, float]]:
    """By path (joined by `` / ``): calls and items a request on average; medians of ms in all, and of its own.

    A path that a request did not take counts as zero there.
    """
    nothing = Sum()
    found = {}
    for path in sorted({path for request in requests for path in request}):
        sums = [request.get(path, nothing) for request in requests]
        found[" / ".join(path)] = {
            "calls": round(statistics.fmean(total.calls for total in sums), 2),
            "items": round(statistics.fmean(total.items for total in sums), 2),
            "ms": round(statistics.median(total.seconds for total in sums) * 1000, 3),
            "own_ms": round(statistics.median(total.own for total in sums) * 1000, 3),
        }
    return found


def seconds_of(requests: Sequence[Mapping[Path, Sum]], path: Path) -> list[float]:
    """The seconds of one path, request by request."""
    return [request[path].seconds if path in request else 0.0 for request in requests]


def uncovered_ms(requests: Sequence[Mapping[Path, Sum]], root: str, waiting: Path) -> float:
    """The median of what is left of a wait when everything that ran beside it, outside of ``root``, is taken off."""
    lefts = []
    for request in requests:
        beside = sum(total.seconds for path, total in request.items() if len(path) == 1 and path[0] != root)
        lefts.append(request[waiting].seconds - beside if waiting in request else 0.0)
    return round(statistics.median(lefts) * 1000, 3)
