"""Cache of values that a store has to confirm: known ones are served while they are read again."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from domain.refusals import Kind, Refusal

Value = TypeVar("Value")
_AWAY = frozenset({Kind.STORE_UNAVAILABLE, Kind.VAULT_UNAVAILABLE})


@dataclass(frozen=True, slots=True)
class ConfirmationTimes:
    """Ages of a value, in seconds since the reading that confirmed it began.

    Attributes:
        fresh: up to here it is served without a reading.
        stale: up to here it is served, and read again meanwhile; beyond, a request waits for the reading.
        longest: up to here it is served if the store does not answer; beyond, the store's refusal is.
        retry: after a reading without an answer, none is tried for so long.
    """

    fresh: float
    stale: float
    longest: float
    retry: float


@dataclass(frozen=True, slots=True)
class _ConfirmedValue(Generic[Value]):
    value: Value
    read_at: float


class ConfirmedValues(Generic[Value]):
    """Values by name, at most ``most``. An unknown name is not remembered. Concurrent readings of one are shared."""

    def __init__(
        self,
        read: Callable[[str, Value | None], Awaitable[Value | None]],
        times: ConfirmationTimes,
        *,
        most: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the reading: of a name and the value known before, the value, or None for an unknown name."""
        self._read = read
        self._times = times
        self._most = most
        self._monotonic = monotonic
        self._entries: OrderedDict[str, _ConfirmedValue[Value]] = OrderedDict()
        self._flights: dict[str, asyncio.Task[Value | None]] = {}
        self._away: Refusal | None = None
        self._away_until = 0.0

    def warm(self, name: str) -> Value | None:
        """Return the value if it can be served without waiting, else None. Begins a reading that is due."""
        entry = self._entries.get(name)
        if entry is None:
            return None
        now = self._monotonic()
        age = now - entry.read_at
        if age < self._times.fresh:
            return entry.value
        away = now < self._away_until
        if age < self._times.stale:
            if not away:
                self._reading(name)
            return entry.value
        return entry.value if away and age < self._times.longest else None

    async def get(self, name: str) -> Value | None:
        """Return the value, read if it has to be. None for an unknown name.

        Raises:
            Refusal: the reading's, if no value may be served without it.
        """
        found = self.warm(name)
        if found is not None:
            return found
        if self._away is not None and self._monotonic() < self._away_until:
            raise self._away
        try:
            return await asyncio.shield(self._reading(name))
        except Refusal:
            found = self.warm(name)  # an outage just became known
            if found is None:
                raise
            return found

    def forget(self, name: str) -> None:
        """Drop a value. A reading under way is not waited for by later requests."""
        self._entries.pop(name, None)
        self._flights.pop(name, None)

    def _reading(self, name: str) -> "asyncio.Task[Value | None]":
        flight = self._flights.get(name)
        if flight is None:
            known = self._entries.get(name)
            flight = asyncio.create_task(self._land(name, None if known is None else known.value))
            self._flights[name] = flight
            flight.add_done_callback(partial(self._landed, name))
        return flight

    def _landed(self, name: str, flight: "asyncio.Task[Value | None]") -> None:
        if self._flights.get(name) is flight:
            del self._flights[name]
        if not flight.cancelled():
            flight.exception()  # retrieved, also without waiters

    async def _land(self, name: str, known: Value | None) -> Value | None:
        begun, flight = self._monotonic(), asyncio.current_task()
        try:
            value = await self._read(name, known)
        except Refusal as refusal:
            if refusal.kind in _AWAY:
                self._away, self._away_until = refusal, self._monotonic() + self._times.retry
            raise
        self._away_until = 0.0
        if self._flights.get(name) is not flight:  # forgotten meanwhile
            return value
        if value is None:
            self._entries.pop(name, None)
            return None
        self._entries[name] = _ConfirmedValue(value, begun)
        self._entries.move_to_end(name)
        while len(self._entries) > self._most:
            self._entries.popitem(last=False)
        return value
