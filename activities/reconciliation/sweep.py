"""Reconciliation of runs that ended without an outcome: found, recorded, and their reservations released."""

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from temporalio import activity

from activities.contracts.reconciliation import (
    ClosedSuspects,
    HeldSuspects,
    Settled,
    Suspect,
    Suspects,
    SweepMark,
    SweepStart,
    SweepState,
)
from activities.contracts.stages import CloseInput, Problem, Run, Validated, ValidateInput
from activities.inference import evidence
from activities.inference.ledger import charged
from activities.inference.validate import ValidationActivities
from assay_temporal.keyring import KeyUnavailable
from domain.access.principals import SYSTEM_TENANT
from domain.budgets.ports import Ledger
from domain.budgets.values import RecordConflict
from domain.identity import epoch_ms, tenant_of_run
from domain.inference.run_lengths import SWEEP_PATIENCE
from domain.inference.runs import Status, event_for, status_for
from domain.ports import Clock
from domain.records.reconciliation import Beginning, ClosedRun, EngineState, OpenReservation, kind_for
from domain.records.reconciliation_ports import OutcomeGaps, RunLists
from domain.records.records import Record
from domain.refusals import Kind, Refusal

PAGE: Final = 100
"""Runs, or reservations, per page."""

PAGES_A_RUN: Final = 50
"""Pages per run of a sweep. Returned by an activity, so that it may change during a sweep."""

OVERLAP: Final = timedelta(minutes=10)
"""Overlap with the previous sweep: lists of runs lag by moments, and clocks differ."""

_NOTHING_COMMITTED: Final = evidence.Commitments(None, None)
_WAIT: Final = frozenset({Kind.STORE_UNAVAILABLE, Kind.VAULT_UNAVAILABLE, Kind.ENGINE_UNAVAILABLE})


class AbandonedActivities:
    """Reconciliation sweep for runs without an outcome. Open runs are unchanged; of two outcomes the first recorded
    wins.
    """

    def __init__(
        self, runs: RunLists, gaps: OutcomeGaps, ledger: Ledger, validation: ValidationActivities, clock: Clock
    ) -> None:
        """Take the ports, and ``validation``, which verifies starts as a run's first stage does."""
        self._runs = runs
        self._gaps = gaps
        self._ledger = ledger
        self._validation = validation
        self._clock = clock

    @activity.defn
    async def begin_look(self, began: SweepStart) -> SweepState:
        """Continue from the start of the last sweep. A start in the future is now: runs end between the two."""
        last = await self._gaps.last_sweep()
        began_ms = min(began.at_ms, epoch_ms(self._clock.now()))
        return SweepState(began_ms, epoch_ms(last - OVERLAP) if last else None, pages=PAGES_A_RUN)

    @activity.defn
    async def find_closed(self, look: SweepState) -> ClosedSuspects:
        """Return those of the next page of closed runs that have no outcome."""
        since = datetime.fromtimestamp(look.since_ms / 1000, UTC) if look.since_ms is not None else None
        found = await self._runs.closed(since, base64.b64decode(look.page or ""), PAGE)
        outcomes = {run: _outcomes(run) for run in found.runs}
        missing = await self._gaps.missing([event for events in outcomes.values() for event in events])
        suspects = tuple(
            Suspect(run.workflow_id, run.run_id) for run in found.runs if missing.issuperset(outcomes[run])
        )
        return ClosedSuspects(suspects, base64.b64encode(found.next_page).decode() if found.next_page else None)

    @activity.defn
    async def find_held(self, look: SweepState) -> HeldSuspects:
        """Return the runs of the next old open reservations, whether listed or not."""
        held = await self._gaps.open_reservations(SWEEP_PATIENCE, UUID(look.after) if look.after else None, PAGE)
        last = str(held[-1].reservation_id) if len(held) == PAGE else None
        return HeldSuspects(tuple(found for found in map(_holder, held) if found is not None), last)

    @activity.defn
    async def settle_runs(self, suspects: Suspects) -> Settled:
        """Record the outcome of runs that ended without one, and release their reservations."""
        recorded, left = 0, 0
        for suspect in suspects.suspects:
            try:
                recorded += await self._settle(suspect)
            except Refusal as refusal:  # a failure with one run must not delay the others
                if refusal.kind in _WAIT:
                    raise
                left += 1
                activity.logger.warning("an outcome can't be recorded", extra={"refusal": refusal.kind.value})
            except KeyUnavailable as error:
                if not error.gone:
                    raise
                left += 1
        return Settled(recorded, left)

    @activity.defn
    async def end_look(self, began: SweepStart) -> SweepMark:
        """Store the start of this sweep for the next one."""
        await self._gaps.record_sweep(datetime.fromtimestamp(began.at_ms / 1000, UTC))
        return SweepMark(began.at_ms)

    async def _settle(self, suspect: Suspect) -> int:
        held = await self._held(suspect)
        workflow_id, run_id = _run_of(suspect, held)
        carried = await self._carried_on(workflow_id)
        end = await self._runs.state(workflow_id, run_id)
        beginning = await self._runs.beginning(workflow_id, run_id)
        if end is EngineState.OPEN:
            if held is not None and await self._runs.end_stuck(workflow_id, run_id):
                activity.logger.warning("terminated a run whose tasks keep failing", extra={"run": workflow_id})
            return 0
        if beginning is not None:
            started_ms, identities = epoch_ms(beginning.started_at), beginning.identities
        elif held is not None:
            started_ms, identities = held.started_ms, (run_id,)
        else:  # deleted since it was listed, without a reservation: nothing is known of it
            return 0
        recorded = 0
        for identity in identities:
            if identity != carried:
                final = end if identity == identities[-1] else EngineState.TERMINATED
                of = Run(_tenant(workflow_id, held), "", workflow_id, identity, started_ms, "", "")
                recorded += await self._settle_identity(of, held, beginning, final)
        return recorded

    async def _held(self, suspect: Suspect) -> OpenReservation | None:
        """Return a suspect's reservation as the ledger has it: nothing that an input says of it is trusted."""
        try:
            id_ = UUID(suspect.reservation_id) if suspect.reservation_id else None
        except ValueError:
            return None
        return await self._gaps.open_reservation(id_) if id_ else None

    async def _carried_on(self, workflow_id: str) -> str | None:
        """Return the identity under which the workflow continues, or None: after a reset it may be another run's."""
        newest = await self._runs.newest(workflow_id)
        if newest is None or await self._runs.state(workflow_id, newest) is not EngineState.OPEN:
            return None
        beginning = await self._runs.beginning(workflow_id, newest)
        return beginning.identities[-1] if beginning else newest

    async def _settle_identity(
        self, own: Run, held: OpenReservation | None, beginning: Beginning | None, end: EngineState
    ) -> bool:
        strange = replace(own, tenant=SYSTEM_TENANT)
        outcomes = {evidence.event_of(own, evidence.OUTCOME), evidence.event_of(strange, evidence.OUTCOME)}
        admission = evidence.event_of(own, evidence.ADMISSION)
        missing = await self._gaps.missing([*outcomes, admission])
        reserved = held is not None and held.reservation_id == evidence.event_of(own, evidence.RESERVATION)
        if reserved:  # an end without proofs, recorded without a tenant, has settled nothing
            outcomes = {evidence.event_of(own, evidence.OUTCOME)}
        if not missing >= outcomes:
            return False
        proven = await self._proven(own, beginning)
        admitted = admission not in missing or reserved
        if not admitted and proven.submitter is None:
            return await self._record(Validated(strange), end, reserved=False)
        caller = proven.run.caller or (held.caller if held is not None and reserved else "")
        return await self._record(Validated(replace(own, caller=caller), proven.submitter), end, reserved=True)

    async def _proven(self, run: Run, beginning: Beginning | None) -> Validated:
        """Verify a run's start, as its own first stage did or would have."""
        argument = beginning.argument if beginning else None
        given = argument if isinstance(argument, dict) else {}
        return await self._validation.validate_ended(
            ValidateInput(given.get("request"), given.get("context"), run.workflow_id, run.run_id, run.started_ms)
        )

    async def _record(self, of: Validated, end: EngineState, *, reserved: bool) -> bool:
        """Record the outcome. It does not depend on the time: a repeat is identical."""
        kind = kind_for(end)
        status = status_for(kind)
        close = CloseInput(of.run, status.value, of.submitter, problem=Problem(kind.value, ""))
        reservation = evidence.event_of(of.run, evidence.RESERVATION) if reserved else None
        if reservation is not None:
            close = charged(close, await self._ledger.begun_calls(reservation, of.run.tenant))
        record = Record(
            event_id=evidence.event_of(of.run, evidence.OUTCOME),
            tenant=of.run.tenant,
            kind=event_for(Status(status)),
            recorded_at=self._clock.now(),
            fields=evidence.outcome_fields(close, _NOTHING_COMMITTED),
            sealed=evidence.sealed(of.submitter, None),
            workflow_id=of.run.workflow_id,
            run_id=of.run.run_id,
        )
        try:
            stored = await self._ledger.close(reservation, close.usage.total if close.usage else 0, record)
        except RecordConflict:  # its own outcome was recorded first
            return False
        if not stored.repeated:
            activity.logger.warning(
                "recorded the outcome of a run that ended without one",
                extra={"run": of.run.workflow_id, "end": end.value},
            )
        return not stored.repeated


def _outcomes(run: ClosedRun) -> tuple[UUID, ...]:
    """Return the possible event IDs of its outcome: its tenant's, or those of an unverified run."""
    tenants = dict.fromkeys((tenant_of_run(run.workflow_id) or SYSTEM_TENANT, SYSTEM_TENANT))
    started_ms = epoch_ms(run.started_at)
    return tuple(
        evidence.event_of(Run(tenant, "", run.workflow_id, run.run_id, started_ms, "", ""), evidence.OUTCOME)
        for tenant in tenants
    )


def _run_of(suspect: Suspect, held: OpenReservation | None) -> tuple[str, str]:
    """Return the workflow ID and run ID: those of the reservation's admission, if there is one."""
    if held is None or held.workflow_id is None or held.run_id is None:
        return suspect.workflow_id, suspect.run_id
    return held.workflow_id, held.run_id


def _tenant(workflow_id: str, held: OpenReservation | None) -> str:
    named = held.tenant if held is not None and held.workflow_id == workflow_id else None
    return named or tenant_of_run(workflow_id) or SYSTEM_TENANT


def _holder(held: OpenReservation) -> Suspect | None:
    if held.workflow_id is None or held.run_id is None:
        return None
    return Suspect(held.workflow_id, held.run_id, str(held.reservation_id), held.tenant, held.caller)
