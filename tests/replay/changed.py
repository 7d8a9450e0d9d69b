"""The workflow with careless changes that ignore runs in progress. In a module of its own: the sandbox
imports what it stands in."""

from typing import Any

from temporalio import workflow

from activities.contracts.reconciliation import SETTLE_ABANDONED, SweepState
from assay_temporal.contracts import WORKFLOW, InferenceResult
from domain.screening.verdicts import Decision, RiskBand, Verdict
from workflows.inference.guarded_inference import GuardedInference
from workflows.inference.run_state import RunState
from workflows.reconciliation.settle_abandoned import SettleAbandoned


@workflow.defn(name=WORKFLOW)
class Swapped(GuardedInference):
    """Admits before it screens."""

    @workflow.run
    async def run(self, start: Any = None, *_: Any) -> InferenceResult:
        return await super().run(start)

    async def _run_stages(self, state: RunState) -> None:
        await self._validate(state)
        state.clean = state.valid_request
        state.verdict = Verdict(Decision.ALLOW, 0.0, RiskBand.LOW)
        await self._admit(state)
        await self._guard(state)
        state.reply = await self._invoke(state)
        await self._screen_output(state)


@workflow.defn(name=WORKFLOW)
class LeftOut(GuardedInference):
    """Does not screen the answer."""

    @workflow.run
    async def run(self, start: Any = None, *_: Any) -> InferenceResult:
        return await super().run(start)

    async def _screen_output(self, state: RunState) -> None:
        return None


@workflow.defn(name=WORKFLOW)
class Waits(GuardedInference):
    """Takes a breath before the model is asked."""

    @workflow.run
    async def run(self, start: Any = None, *_: Any) -> InferenceResult:
        return await super().run(start)

    async def _invoke(self, state: RunState) -> Any:
        await workflow.sleep(1)
        return await super()._invoke(state)


@workflow.defn(name=WORKFLOW)
class Patched(GuardedInference):
    """The same, for new runs alone."""

    @workflow.run
    async def run(self, start: Any = None, *_: Any) -> InferenceResult:
        return await super().run(start)

    async def _invoke(self, state: RunState) -> Any:
        if workflow.patched("take-a-breath"):
            await workflow.sleep(1)
        return await super()._invoke(state)


@workflow.defn(name=SETTLE_ABANDONED)
class Hurried(SettleAbandoned):
    """A look that takes a breath first."""

    @workflow.run
    async def run(self, look: SweepState | None = None) -> SweepState:
        await workflow.sleep(1)
        return await super().run(look)
