"""Recording of refusals before a run starts: bounded in volume, without delaying the response.

Such a refusal protects nothing behind it, so its response does not wait for its record. Every refusal ends up in the
log, alone or in the count of a summary, or in the count of dropped ones.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from domain.access.principals import SYSTEM_TENANT, Principal
from domain.identity import event_id
from domain.ports import Clock
from domain.records.fields import DropFields, EdgeRefusalFields, EventFields, RefusalSummaryFields
from domain.records.floods import Alike, Summary, Windows
from domain.records.records import EncryptedFields, EventKind, Record
from domain.refusals import Refusal
from services.refusals.drops import DROPPED, Dropped, Drops
from services.refusals.outbox import Outbox

_TICK_SECONDS = 1.0

log = structlog.get_logger(__name__)


class EdgeRecorder:
    """Accepts refusals: the first of a kind are recorded one by one, the rest of their minute as one record."""

    def __init__(
        self, outbox: Outbox, windows: Windows, drops: Drops, clock: Clock, random_tag: Callable[[], str]
    ) -> None:
        self._outbox = outbox
        self._windows = windows
        self._drops = drops
        self._clock = clock
        self._random_tag = random_tag

    def offer(
        self, refusal: Refusal, principal: Principal | None, *, method: str, route: str, status: int, source: str
    ) -> None:
        """Accept a refusal for the log. Without an authenticated principal it goes to the log ``system``. O(1), without
        I/O.
        """
        now = self._clock.now()
        tenant = principal.tenant if principal else SYSTEM_TENANT
        caller = principal.caller if principal else None
        if not self._windows.offer(Alike(tenant, refusal.kind.value, route, status, caller), now):
            return
        fields = EdgeRefusalFields(
            caller=caller,
            roles=tuple(sorted(role.value for role in principal.roles)) if principal else (),
            refusal=refusal.kind.value,
            method=method,
            route=route,
            status=status,
        )
        sealed = EncryptedFields(
            subject=principal.subject if principal else None,
            client_id=principal.client_id if principal else None,
            source=source,
        )
        self._outbox.offer(self._record(tenant, now, "refusal", fields, sealed))

    async def run(self) -> None:
        """Record accepted refusals until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._outbox.run())
            group.create_task(self._tick_for_ever())

    async def _tick_for_ever(self) -> None:
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            self.tick()

    def tick(self) -> None:
        """Record ended windows, and dropped records."""
        now = self._clock.now()
        self._tell(self._windows.ended(now), self._drops.due(now))

    async def drain(self, seconds: float) -> None:
        """End all windows, and wait until everything is at least spooled, at most ``seconds``."""
        now = self._clock.now()
        self._tell(self._windows.end_all(), self._drops.all(now))
        await self._outbox.drain(seconds)

    def close(self) -> None:
        """Count records that were not spooled. Call it when ``run`` has ended."""
        if dropped := self._outbox.drop_waiting():
            log.warning("refusals were not recorded", dropped=dropped)

    def _tell(self, summaries: list[Summary], drops: list[Dropped]) -> None:
        now = self._clock.now()
        for summary in summaries:
            tenant, refusal, route, status, caller = summary.alike
            first, last = _times(summary)
            fields = RefusalSummaryFields(
                caller=caller,
                refusal=refusal,
                route=route,
                status=status,
                count=summary.count,
                first_at=first,
                last_at=last,
            )
            self._outbox.offer(self._record(tenant, now, "summary", fields))
        for dropped in drops:
            first, last = _times(dropped)
            drops_of = DropFields(
                decision=DROPPED, rules=(dropped.reason.value,), count=dropped.count, first_at=first, last_at=last
            )
            self._outbox.offer(self._record(SYSTEM_TENANT, now, "dropped", drops_of))

    def _record(
        self, tenant: str, now: datetime, slot: str, fields: EventFields, sealed: EncryptedFields | None = None
    ) -> Record:
        return Record(
            event_id=event_id(int(now.timestamp() * 1000), tenant, "edge", self._random_tag(), slot),
            tenant=tenant,
            kind=EventKind.REFUSED,
            recorded_at=now,
            fields=fields,
            sealed=sealed or EncryptedFields(),
        )


def _times(counted: Summary | Dropped) -> tuple[str, str]:
    """The first and the last, in UTC (RFC 3339)."""
    return counted.first_at.astimezone(UTC).isoformat(), counted.last_at.astimezone(UTC).isoformat()
