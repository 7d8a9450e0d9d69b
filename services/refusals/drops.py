"""Dropped records: counted by reason, and the count recorded as soon as there is room again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from domain.ports import Clock

DROPPED = "dropped"
"""The decision in records of drops. These are not counted again when they are dropped themselves."""

_EVERY = timedelta(seconds=10)


class Drop(StrEnum):
    """Reasons for a dropped record."""

    WAITING_FULL = "waiting-full"  # records arrived faster than they could be encrypted
    KEY_UNAVAILABLE = "key-unavailable"  # it could not be encrypted, and the queue for its key was full
    KEY_ERASED = "key-erased"  # the tenant's or the data subject's key was erased meanwhile
    SPOOL_FULL = "spool-full"
    SPOOL_UNAVAILABLE = "spool-unavailable"  # and the database was unavailable as well
    DAMAGED = "damaged"  # its checksum is wrong
    REJECTED = "rejected"  # the store rejects it
    STOPPED = "stopped"  # the process ended before it was stored


@dataclass(frozen=True, slots=True)
class Dropped:
    """Number of unrecorded refusals for a reason, between two times."""

    reason: Drop
    count: int
    first_at: datetime
    last_at: datetime


class Drops:
    """Counts dropped records, in refusals: a lost summary counts for all refusals in it."""

    def __init__(self, count: Callable[[str, int], None], clock: Clock) -> None:
        """Take the clock; ``count`` is called for each drop, with reason and number."""
        self._count = count
        self._clock = clock
        self._untold: dict[Drop, Dropped] = {}
        self._told_at: datetime | None = None

    def add(self, reason: Drop, fields: Mapping[str, Any]) -> None:
        """Count a dropped record with these open fields."""
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
        """Return the counts to record now: every ten seconds at most, since their record may be dropped again."""
        if self._told_at is not None and self._told_at <= now < self._told_at + _EVERY:
            return []
        return self.all(now)

    def all(self, now: datetime) -> list[Dropped]:
        """Return all counts to record."""
        untold, self._untold = list(self._untold.values()), {}
        if untold:
            self._told_at = now
        return untold
