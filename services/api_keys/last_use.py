"""Last uses of API keys: kept in memory, written once a minute, a statement for many."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Final

import structlog

from domain.records.ports import ApiKeyStore
from domain.refusals import Refusal

EVERY_SECONDS: Final = 60.0
_MOST = 10_000
_BATCH = 1_000

log = structlog.get_logger(__name__)


class LastUses:
    """Times of last uses that are not written yet, of at most ten thousand keys.

    A key in use is written once a minute, however often it is used. Uses that a process did not write before it
    crashed are lost: the time is information for the key's owner, and decides nothing.
    """

    def __init__(self, store: ApiKeyStore, *, every_seconds: float = EVERY_SECONDS) -> None:
        """Take the store, and the interval of writes."""
        self._store = store
        self._every = every_seconds
        self._waiting: dict[str, datetime] = {}

    def note(self, key_id: str, now: datetime) -> None:
        """Note a use. O(1), without I/O."""
        if key_id in self._waiting or len(self._waiting) < _MOST:
            self._waiting[key_id] = now

    async def write(self) -> None:
        """Write what was noted. Without the store it is written with the next."""
        waiting, self._waiting = self._waiting, {}
        names = list(waiting)
        for start in range(0, len(names), _BATCH):
            batch = {name: waiting[name] for name in names[start : start + _BATCH]}
            try:
                await self._store.note_uses(batch)
            except Refusal as refusal:
                log.info("api_key.uses_not_written", kind=refusal.kind)
                self._keep(batch)

    async def run(self) -> None:
        """Write once a minute until cancelled."""
        while True:
            await asyncio.sleep(self._every)
            await self.write()

    def _keep(self, unwritten: Mapping[str, datetime]) -> None:
        for key_id, at in unwritten.items():
            if key_id not in self._waiting and len(self._waiting) < _MOST:
                self._waiting[key_id] = at
