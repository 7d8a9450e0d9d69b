"""What could not be recorded: counted by reason, and the count recorded as soon as there is room again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from domain.ports import Clock

DROPPED = "dropped"
"""The decision in records of drops. They are not counted again when they are dropped themselves."""

_EVERY = timedelta(seconds=10)


class Drop(StrEnum):
    """Why a record was dropped."""

    WAITING_FULL = "waiting-full"  # more came at once than a moment's wait holds
    KEY_UNAVAILABLE = "key-unavailable"  # it could not be sealed, and the wait for the key was full
    KEY_ERASED = "key-erased"  # the tenant's or the person's key was erased since
    SPOOL_FULL = "spool-full"
    SPOOL_UNAVAILABLE = "spool-unavailable"  # and the store was away as well
    DAMAGED = "damaged"  # its checksum does not hold
    REJECTED = "rejected"  # the store does not accept it
    STOPPED = "stopped"  # the process ended before it was kept


@dataclass(frozen=True, slots=True)
class Dropped:
    """How many refusals went unrecorded for a reason, between two times."""

    reason: Drop
    count: int
    first_at: datetime
    last_at: datetime


class Drops:
    """Counts what was dropped, in refusals: a summary that is lost counts for all that it stands for."""

    def __init__(self, count: Callable[[str, int], None], clock: Clock) -> None:
        """``count`` hears of each drop: reason and number."""
        self._count = count
        self._clock = clock
        self._untold: dict[Drop, Dropped] = {}
        self._told_at: datetime | None = None

    def add(self, reason: Drop, fields: Mapping[str, Any]) -> None:
        """A record with these open fields was dropped."""
        number, now = fields.get("count", 1), self._clock.now()
        first = last = now
        if fields.get("decision") == DROPPED:
            reason = Drop(fields["rules"][0])
            first, last = (datetime.fromisoformat(fields[name]) for name in ("first_at", "last_at"))
        else:
            self._count(reason.value, number)
        known = self._untold.get(reason)
        if known is not None:
            number, first, last = number + known.count, min(first, known.first_at), max(last, known.last_at)
        self._untold[reason] = Dropped(reason, number, first, last)

    def due(self, now: datetime) -> list[Dropped]:
        """What is to be recorded now: not more often than every ten seconds, since it may be dropped again."""
        if self._told_at is not None and self._told_at <= now < self._told_at + _EVERY:
            return []
        return self.all(now)

    def all(self, now: datetime) -> list[Dropped]:
        """What is to be recorded, at once."""
        untold, self._untold = list(self._untold.values()), {}
        if untold:
            self._told_at = now
        return untold
