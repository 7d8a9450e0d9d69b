"""Records of stages that were scheduled without proof, in the log ``system``: bounded in volume.

Whoever can write to the namespace can schedule any number of them. The first of a minute are recorded one by one,
before they are refused; the rest as one count.
"""

import asyncio
from dataclasses import dataclass

import structlog

from domain.access.principals import SYSTEM_TENANT
from domain.budgets.ports import Ledger
from domain.identity import epoch_ms, event_id, recordable_id
from domain.ports import Clock
from domain.records.fields import EventFields, RefusalSummaryFields, StageRefusalFields
from domain.records.floods import Alike, Summary, Windows
from domain.records.records import EncryptedFields, EventKind, Record
from domain.refusals import Kind, Refusal

ONE_BY_ONE = 20
"""Refusals of one stage and minute that have a record each."""
_TICK_SECONDS = 5.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RefusedStage:
    """A refused stage, as the workflow engine describes it. Standalone activities have no workflow."""

    stage: str
    workflow_id: str | None
    run_id: str | None
    activity_id: str


class StageRefusals:
    """Recorder of refused stages."""

    def __init__(self, ledger: Ledger, clock: Clock, windows: Windows | None = None) -> None:
        """Take the ports."""
        self._ledger = ledger
        self._clock = clock
        self._windows = windows or Windows(ONE_BY_ONE)

    async def record(self, refused: RefusedStage) -> None:
        """Record a refusal, or count it.

        Raises:
            Refusal: STORE_UNAVAILABLE, VAULT_UNAVAILABLE; then it is neither.
        """
        now = self._clock.now()
        alike = Alike(SYSTEM_TENANT, Kind.UNPROVEN_STAGE.value, refused.stage, None, None)
        await self.tick()
        if not self._windows.offer(alike, now):
            return
        workflow = None if refused.workflow_id is None else recordable_id(refused.workflow_id)
        fields = StageRefusalFields(
            refusal=Kind.UNPROVEN_STAGE.value, stage=refused.stage, workflow=workflow, run=refused.run_id
        )
        await self._append(fields, refused.workflow_id or "", refused.run_id or "", refused.activity_id)

    async def run(self) -> None:
        """Record the counts of ended minutes until cancelled."""
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            try:
                await self.tick()
            except Refusal as refusal:
                log.warning("stage_refusals.uncounted", refusal=refusal.kind.value)

    async def drain(self) -> None:
        """Record all counts: the process stops. What can't be recorded is logged."""
        for summary in self._windows.end_all():
            try:
                await self._append(_summary(summary), "", "", summary.alike.route)
            except Refusal as refusal:
                log.warning("stage_refusals.uncounted", refusal=refusal.kind.value, count=summary.count)

    async def tick(self) -> None:
        """Record the counts of ended minutes.

        Raises:
            Refusal: STORE_UNAVAILABLE, VAULT_UNAVAILABLE.
        """
        for summary in self._windows.ended(self._clock.now()):
            await self._append(_summary(summary), "", "", summary.alike.route)

    async def _append(self, fields: EventFields, *identity: str) -> None:
        now = self._clock.now()
        event = event_id(epoch_ms(now), SYSTEM_TENANT, identity[0], identity[1], f"stage/{identity[2]}")
        await self._ledger.append(
            Record(
                event_id=event,
                tenant=SYSTEM_TENANT,
                kind=EventKind.STAGE_REFUSED,
                recorded_at=now,
                fields=fields,
                sealed=EncryptedFields(),
            )
        )


def _summary(summary: Summary) -> RefusalSummaryFields:
    return RefusalSummaryFields(
        caller=None,
        refusal=summary.alike.refusal,
        route=summary.alike.route,
        status=None,
        count=summary.count,
        first_at=summary.first_at.isoformat(),
        last_at=summary.last_at.isoformat(),
    )
