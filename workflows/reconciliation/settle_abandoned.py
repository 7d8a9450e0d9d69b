"""The workflow that looks for runs which ended without an outcome, records and refunds them. A schedule starts it."""

from dataclasses import replace
from typing import Final

from temporalio import workflow

from activities.contracts import reconciliation
from activities.contracts.reconciliation import Settled, Suspects, SweepStart, SweepState
from domain.identity import epoch_ms
from workflows import timing
from workflows.steps import ActivityTimeouts, step

_LENGTHS: Final = ActivityTimeouts(timing.LOOK_ATTEMPT, timing.LOOK_STEP_TOTAL, timing.LOOK_RETRY)
SUMMARY: Final = "look for runs that ended without an outcome"
DETAILS: Final = """\
A run that is terminated, times out, is reset or deleted records no outcome itself. This look does it for them.

1. `find_closed`, `settle_runs`: runs that ended since the last look, as Temporal lists them.
2. `find_held`, `settle_runs`: reservations that are held for long, whose runs may be listed no more.

Each outcome is recorded once, as `run-terminated`, and what was reserved is given back. An open run is not touched.
"""


@workflow.defn(name=reconciliation.SETTLE_ABANDONED)
class SettleAbandoned:
    """One look at what has ended since the last one. Any number may look at once: an outcome is recorded once."""

    @workflow.run
    async def run(self, look: SweepState | None = None) -> SweepState:
        """Begin a look, or go on with one. Gives how it ended; nobody but Assay has a look to go on with."""
        if look is None:  # what does not authenticate is read as null
            began = SweepStart(epoch_ms(workflow.now()))
            look = await step(_LENGTHS, reconciliation.BEGIN_LOOK, began, "where the last look began")
        for _ in range(look.pages):
            if look.page is None and look.after is None:
                break
            look = await self._page(look)
            workflow.set_current_details(_told(look))
        else:
            workflow.continue_as_new(look)
        await step(_LENGTHS, reconciliation.END_LOOK, SweepStart(look.began_ms), "the next look goes on from here")
        return look

    async def _page(self, look: SweepState) -> SweepState:
        if look.page is not None:
            closed = await step(_LENGTHS, reconciliation.FIND_CLOSED, look, "runs that have ended since")
            suspects, further = closed.suspects, replace(look, page=closed.page)
        else:
            held = await step(_LENGTHS, reconciliation.FIND_HELD, look, "reservations that are held for long")
            suspects, further = held.suspects, replace(look, after=held.after)
        if not suspects:
            return further
        made: Settled = await step(
            _LENGTHS, reconciliation.SETTLE_RUNS, Suspects(suspects), f"look into {len(suspects)} of them"
        )
        return replace(further, recorded=look.recorded + made.recorded, left=look.left + made.left)


def _told(look: SweepState) -> str:
    return f"{look.recorded} recorded and refunded, {look.left} that can't be recorded"
