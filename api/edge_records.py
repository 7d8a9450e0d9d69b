"""Refusals at the edge, recorded: bounded in memory, so that a flood of bad requests can't exhaust the process.

A refusal here guards nothing behind it, so its answer does not wait for its record. What can't be kept is counted.
"""

import asyncio
from collections.abc import Callable

import structlog
from fastapi import Request

from api.middleware import route_of
from domain.identity import event_id
from domain.ports import Clock, Ledger
from domain.principals import SYSTEM_TENANT, Principal
from domain.records import EventKind, OpenFields, Record, SealedFields
from domain.refusals import Kind, Refusal

_KEPT = 1000
_RETRY_SECONDS = 1.0
_RECORDED = frozenset({401, 403, 422, 429})

log = structlog.get_logger(__name__)


class EdgeRecorder:
    """Takes refusals and appends them to the log one by one, waiting while the store is away."""

    def __init__(
        self, ledger: Ledger, clock: Clock, random_tag: Callable[[], str], dropped: Callable[[], None]
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._random_tag = random_tag
        self._dropped = dropped
        self._queue: asyncio.Queue[Record] = asyncio.Queue(_KEPT)

    def offer(
        self, refusal: Refusal, principal: Principal | None, *, method: str, route: str, status: int, source: str
    ) -> None:
        """Keep a refusal for the log. Without a proven principal it goes to the log ``system``."""
        now = self._clock.now()
        tenant = principal.tenant if principal else SYSTEM_TENANT
        record = Record(
            event_id=event_id(int(now.timestamp() * 1000), tenant, "edge", self._random_tag(), "refusal"),
            tenant=tenant,
            kind=EventKind.REFUSED,
            recorded_at=now,
            fields=OpenFields(
                caller=principal.caller if principal else None,
                roles=tuple(sorted(role.value for role in principal.roles)) if principal else (),
                refusal=refusal.kind.value,
                method=method,
                route=route,
                status=status,
            ),
            sealed=SealedFields(
                subject=principal.subject if principal else None,
                client_id=principal.client_id if principal else None,
                source=source,
            ),
        )
        try:
            self._queue.put_nowait(record)
        except asyncio.QueueFull:
            self._dropped()

    async def run(self) -> None:
        """Append what was offered, for ever; cancel it to stop."""
        while True:
            record = await self._queue.get()
            await self._append(record)
            self._queue.task_done()

    async def drain(self, seconds: float) -> None:
        """Wait until all is appended, at most ``seconds``."""
        try:
            async with asyncio.timeout(seconds):
                await self._queue.join()
        except TimeoutError:
            log.warning("edge refusals were not recorded", left=self._queue.qsize())

    async def _append(self, record: Record) -> None:
        while True:
            try:
                await self._ledger.append(record)
            except Refusal as refusal:
                if refusal.kind is Kind.FORBIDDEN:  # the tenant has no key, or not any more: waiting gives it none
                    self._dropped()
                    return
                await asyncio.sleep(_RETRY_SECONDS)
            except Exception as error:  # noqa: BLE001 - one bad record must not stop the others
                log.error("an edge refusal could not be recorded", error=type(error).__name__)
                self._dropped()
                return
            else:
                return


def leave_unrecorded(request: Request) -> None:
    """Say of a request that its refusal is counted but not recorded: it proves nothing, and comes by the dozen."""
    request.state.unrecorded = True


def record_refusal(request: Request, refusal: Refusal, status: int) -> None:
    """Count a refusal at the edge, and offer it to the log if it is one that the log wants."""
    request.app.state.metrics.refusals.labels(refusal.kind.value).inc()
    services = request.app.state.readiness.services
    if services is None or status not in _RECORDED or getattr(request.state, "unrecorded", False):
        return
    services.edge.offer(
        refusal,
        getattr(request.state, "principal", None),
        method=request.method,
        route=route_of(request.scope),
        status=status,
        source=request.client.host if request.client else "",
    )
