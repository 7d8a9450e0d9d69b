"""The reconciliation sweep: finds runs that ended without an outcome; records and refunds them. Scheduled."""

from dataclasses import replace
from typing import Final

from temporalio import workflow

from activities.contracts import reconciliation
from activities.contracts.reconciliation import Settled, Suspects, SweepStart, SweepState
from domain.identity import epoch_ms
from workflows import timing
from workflows.steps import ActivityTimeouts, step

_LENGTHS: Final = ActivityTimeouts(timing.LOOK_ATTEMPT, timing.LOOK_STEP_TOTAL, timing.LOOK_RETRY)
SUMMARY: Final = "reconcile runs that ended without an outcome"
DETAILS: Final = """\
A run that is terminated, times out, is reset or deleted can't record its outcome. This sweep records it.

1. `find_closed`, `settle_runs`: runs that ended since the last sweep, as listed by Temporal.
2. `find_held`, `settle_runs`: old open reservations, whose runs may no longer be listed.

Each outcome is recorded once, as `run-terminated`, and its reservation is released. Open runs are left unchanged.
"""


@workflow.defn(name=reconciliation.SETTLE_ABANDONED)
class SettleAbandoned:
    """One reconciliation sweep. Sweeps may overlap: an outcome is recorded once."""

    @workflow.run
    async def run(self, look: SweepState | None = None) -> SweepState:
        """Start a sweep, or continue one. Returns its final state."""
        if look is None:  # a value that fails authentication is read as null
            began = SweepStart(epoch_ms(workflow.now()))
            look = await step(_LENGTHS, reconciliation.BEGIN_LOOK, began, "read the start of the sweep's time span")
        for _ in range(max(1, look.pages)):  # with none it would continue as new for ever
            if look.page is None and look.after is None:
                break
            look = await self._page(look)
            workflow.set_current_details(_told(look))
        else:
            workflow.continue_as_new(look)
        await step(
            _LENGTHS,
            reconciliation.END_LOOK,
            SweepStart(look.began_ms, look.proof),
            "store the start of the next sweep's time span",
        )
        return look

    async def _page(self, look: SweepState) -> SweepState:
        if look.page is not None:
            closed = await step(_LENGTHS, reconciliation.FIND_CLOSED, look, "list runs that ended since")
            suspects, further = closed.suspects, replace(look, page=closed.page, proof=closed.proof)
        else:
            held = await step(_LENGTHS, reconciliation.FIND_HELD, look, "list old open reservations")
            suspects, further = held.suspects, replace(look, after=held.after, proof=held.proof)
        if not suspects:
            return further
        given = Suspects(suspects, further.proof)
        made: Settled = await step(_LENGTHS, reconciliation.SETTLE_RUNS, given, f"examine {len(suspects)} of them")
        recorded, left = look.recorded + made.recorded, look.left + made.left
        return replace(further, recorded=recorded, left=left, proof=made.proof)


def _told(look: SweepState) -> str:
    return f"{look.recorded} recorded and refunded, {look.left} not recordable"
