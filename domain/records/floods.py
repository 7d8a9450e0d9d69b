"""Rate limiting of recorded refusals: the first of a window are recorded one by one, the rest as a count.

A window contains similar refusals, starts with the first of them and lasts a minute. Time is an argument. Each refusal
is either recorded by itself or counted in exactly one summary.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from domain.access.principals import SYSTEM_TENANT

WINDOW_SECONDS = 60.0
MOST_WINDOWS = 512


class Alike(NamedTuple):
    """Common members of the refusals of a window. ``route`` is a template, ``caller`` a keyed hash, or None."""

    tenant: str
    refusal: str
    route: str
    status: int | None
    caller: str | None


OTHER = Alike(SYSTEM_TENANT, "other", "other", None, None)
"""Refusals while all windows are in use: only counted."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Number of a window's refusals that were only counted, and their first and last times."""

    alike: Alike
    count: int
    first_at: datetime
    last_at: datetime


@dataclass(slots=True)
class _Window:
    opened: datetime
    singles_left: int
    count: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None


class Windows:
    """Open windows of one process. Offering is O(1), amortised over ended windows."""

    def __init__(self, singles: int, *, seconds: float = WINDOW_SECONDS, most: int = MOST_WINDOWS) -> None:
        """Record ``singles`` of a window one by one. Keep ``most`` windows of ``seconds``, and one for all others.

        Raises:
            ValueError: if one of them is less than one.
        """
        if singles < 1 or most < 1 or seconds < 1:
            raise ValueError("the window's length, its records and the number of windows must each be at least 1")
        self._singles = singles
        self._length = timedelta(seconds=seconds)
        self._most = most
        self._open: dict[Alike, _Window] = {}  # in the order of their starts
        self._ended: list[Summary] = []

    def offer(self, alike: Alike, now: datetime) -> bool:
        """Return True if this refusal is to be recorded by itself; otherwise it is counted."""
        window = self._current(alike, now)
        if window is None:
            self._end_those_over(now)
            if len(self._open) - (OTHER in self._open) >= self._most:
                alike = OTHER
                window = self._current(alike, now)
        if window is None:
            window = self._open[alike] = _Window(now, 0 if alike is OTHER else self._singles)
        if window.singles_left > 0:
            window.singles_left -= 1
            return True
        window.count += 1
        window.first_at = window.first_at or now
        window.last_at = now
        return False

    def ended(self, now: datetime) -> list[Summary]:
        """Return the summaries of ended windows, each once; windows without counted refusals have none."""
        self._end_those_over(now)
        ended, self._ended = self._ended, []
        return ended

    def end_all(self) -> list[Summary]:
        """Return the summaries of all windows, at the end of the process."""
        for alike in list(self._open):
            self._end(alike)
        ended, self._ended = self._ended, []
        return ended

    def _current(self, alike: Alike, now: datetime) -> _Window | None:
        window = self._open.get(alike)
        if window is not None and self._is_over(window, now):
            self._end(alike)
            return None
        return window

    def _is_over(self, window: _Window, now: datetime) -> bool:
        """Return True if a window has ended, also if the clock was set back: no refusal waits for hours."""
        return not window.opened <= now < window.opened + self._length

    def _end_those_over(self, now: datetime) -> None:
        over = []
        for alike, window in self._open.items():
            if not self._is_over(window, now):
                break
            over.append(alike)
        for alike in over:
            self._end(alike)

    def _end(self, alike: Alike) -> None:
        window = self._open.pop(alike)
        if window.first_at is not None and window.last_at is not None:
            self._ended.append(Summary(alike, window.count, window.first_at, window.last_at))
