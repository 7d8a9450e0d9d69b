"""The workflow: one governed request, from a signed start to a recorded outcome."""

import asyncio
from dataclasses import replace
from typing import Any, Final

from temporalio import workflow

from activities.contracts import names, problems
from activities.contracts.results import result_of
from activities.contracts.stages import (
    AdmitInput,
    Closed,
    CloseInput,
    InvokeInput,
    ModelReply,
    Problem,
    ScreenInput,
    ScreenOutputInput,
    StageInput,
    ValidateInput,
)
from activities.failures import failure_for
from assay_temporal.contracts import WITHDRAWAL_REASONS, WORKFLOW, InferenceResult, Progress, Withdrawal
from domain.inference.runs import Status
from domain.refusals import Kind
from domain.screening.verdicts import Decision
from workflows.inference import run_summary, search_attributes, stages
from workflows.inference.beginning import read_start, reason_of, unverified, whatever_happens
from workflows.inference.problems import fault
from workflows.inference.run_state import RunState, Stopped
from workflows.inference.run_summary import RunSummary

_PROOFS: Final = "stage-proofs"
_STATUSES = frozenset(status.value for status in Status)
_TRY_ANOTHER = frozenset(
    {Kind.PROVIDER_UNAVAILABLE, Kind.PROVIDER_TIMEOUT, Kind.PROVIDER_RATE_LIMITED, Kind.PROVIDER_GARBLED}
)


@workflow.defn(name=WORKFLOW)
class GuardedInference:
    """Validate, sanitise, screen, admit, invoke, screen, close.

    A denial by policy completes the run, with the reason in its result; a fault fails it. In both cases the outcome is
    recorded before the answer is returned, and the reservation is settled.
    """

    def __init__(self) -> None:
        self._summary = RunSummary()
        self._running: asyncio.Task[None] | None = None
        self._withdrawn: str | None = None
        self._stopped: Problem | None = None

    @workflow.query
    def stage(self) -> str:
        """Return the current stage, or the final status."""
        return self._summary.stage

    @workflow.query
    def progress(self) -> Progress:
        """Return the stages so far, with their results."""
        return self._summary.progress

    @workflow.update
    async def withdraw(self, withdrawal: Withdrawal) -> str:
        """End the run in order: used tokens are settled, the outcome recorded. Returns the recorded status."""
        self._withdrawn = withdrawal.reason
        if self._running is not None:
            self._running.cancel()
        await workflow.wait_condition(lambda: self._summary.ended)
        return self._summary.stage

    @withdraw.validator
    def _may_withdraw(self, withdrawal: Withdrawal) -> None:
        if reason_of(withdrawal) not in WITHDRAWAL_REASONS:
            raise ValueError(f"a withdrawal needs a reason: {', '.join(WITHDRAWAL_REASONS)}")
        if self._summary.closing:
            raise ValueError("too late: the outcome of the run is being recorded")

    @workflow.run
    async def run(self, start: Any = None, *_: Any) -> InferenceResult:  # noqa: ANN401 - untrusted
        """Run a ``SignedRequest``. It is parsed leniently, since a malformed start has to be refused by name."""
        state = await self._attempt(read_start(start))
        if state.of_earlier_release and workflow.patched(_PROOFS):
            state = await self._attempt(read_start(start))
        result = await self._close(state)
        if not workflow.all_handlers_finished():
            await workflow.wait_condition(workflow.all_handlers_finished)
        return result

    async def _attempt(self, start: tuple[Any, Any]) -> RunState:
        """Run the stages up to the outcome, which is not recorded yet."""
        state = RunState(start, unverified())
        self._running = asyncio.create_task(self._run_stages(state))
        if self._withdrawn is not None:  # before its first stage
            self._running.cancel()
        try:
            await self._running
        except Stopped as stop:
            state.problem = stop.problem
        except stages.StageFailed as failed:
            state.problem = state.as_sent(fault(failed))
            state.proof = failed.proof or state.proof
        except asyncio.CancelledError:
            state.problem = problems.withdrawn(self._withdrawn) if self._withdrawn else problems.cancelled()
            self._stopped = state.problem
        if state.problem is not None:
            self._note(run_summary.refused(state.problem))
        return state

    def _enter(self, stage: str, *, closing: bool = False) -> None:
        if not closing:
            stages.heed_cancellation()
        self._summary.start_stage(stage, closing=closing)
        workflow.set_current_details(self._summary.markdown())

    def _note(self, outcome: str) -> None:
        self._summary.end_stage(outcome)

    async def _run_stages(self, state: RunState) -> None:
        await self._validate(state)
        if self._stopped is not None:  # cancelled before: only the proof of the start was missing
            raise Stopped(self._stopped)
        await self._guard(state)
        await self._admit(state)
        reply = await self._invoke(state)
        state.proceed(reply.proof)
        state.reply = replace(reply, proof=None)
        state.usage = reply.usage
        state.lose(reply.lost)
        self._note(run_summary.answered(state.reply))
        await self._screen_output(state)
        stages.heed_cancellation()

    async def _validate(self, state: RunState) -> None:
        self._enter(names.VALIDATE_REQUEST.name)
        run = state.run
        valid = await stages.short(
            names.VALIDATE_REQUEST,
            ValidateInput(
                request=state.sent,
                context=state.context,
                workflow_id=run.workflow_id,
                run_id=run.run_id,
                started_ms=run.started_ms,
                cron_schedule=workflow.info().cron_schedule or None,
            ),
            "verify the signed start and read the request",
            state.characters,
        )
        state.proceed(valid.proof)
        state.valid = valid
        if valid.problem is not None:
            raise Stopped(valid.problem)
        request = state.valid_request
        self._summary.identify(valid.run, request)
        self._note(run_summary.valid(request))
        search_attributes.proven(valid.run, request.model)

    async def _guard(self, state: RunState) -> None:
        run = state.run
        self._enter(names.SANITISE_PROMPT.name)
        clean = await stages.short(
            names.SANITISE_PROMPT,
            StageInput(run, state.valid_request, state.proof),
            "normalise the prompt, remove hidden text, mask personal data",
            state.characters,
        )
        state.proceed(clean.proof)
        state.cleaned = clean
        if clean.problem is not None:
            raise Stopped(state.as_sent(clean.problem))
        state.clean = clean.request or state.valid_request
        self._note(run_summary.sanitised(clean))
        self._enter(names.SCREEN_PROMPT.name)
        judged = await stages.short(
            names.SCREEN_PROMPT,
            ScreenInput(run, state.clean, state.valid_request if clean.request else None, state.proof),
            "screen the prompt for injections",
            state.characters,
        )
        state.proceed(judged.proof)
        state.verdict = verdict = judged.bare()
        if verdict.decision is Decision.BLOCK:
            raise Stopped(problems.prompt_blocked(verdict))
        if verdict.decision is not Decision.ALLOW:
            raise Stopped(problems.prompt_held(verdict))
        self._note(run_summary.screened(verdict))

    async def _admit(self, state: RunState) -> None:
        self._enter(names.ADMIT_REQUEST.name)
        state.admitted = True  # from here on a reservation may exist in any case
        admission = await stages.short(
            names.ADMIT_REQUEST,
            AdmitInput(
                run=state.run,
                submitter=state.submitter,
                request=state.clean_request,
                original=state.sent,
                verdict=state.screened,
                removed=state.removed,
                masked=state.cleaned.masked,
                redacted=state.cleaned.redacted,
                proof=state.proof,
            ),
            "reserve the budget and record the admission",
            state.characters,
        )
        state.proceed(admission.proof)
        if admission.problem is not None:
            state.admitted = False
            raise Stopped(admission.problem)
        state.reserved = admission.reserved_tokens
        self._note(run_summary.admitted(admission))

    async def _invoke(self, state: RunState) -> ModelReply:
        self._enter(names.INVOKE_MODEL.name)
        models = (state.valid_request.model, *state.fallbacks)
        call_id = str(workflow.uuid4())
        for index, model in enumerate(models):
            state.asked = True
            try:
                return await stages.long(
                    names.INVOKE_MODEL,
                    InvokeInput(
                        state.run, state.clean_request, model, f"{call_id}-{index}", proof=state.proof, data=state.data
                    ),
                    f"call {model}",
                    state.call_lengths(index),
                )
            except stages.StageFailed as failed:
                state.lose(failed.call.lost)
                state.usage = failed.call.usage
                last = index == len(models) - 1
                passing = (failed.kind or Kind.PROVIDER_TIMEOUT) in _TRY_ANOTHER
                if last or not (passing or failed.call.another):
                    raise
                state.proof = failed.proof or state.proof
        raise AssertionError("there is always a model to call")

    async def _screen_output(self, state: RunState) -> None:
        self._enter(names.SCREEN_OUTPUT.name)
        judged = await stages.short(
            names.SCREEN_OUTPUT,
            ScreenOutputInput(state.run, state.clean_request, state.answered, state.proof),
            "screen the answer for leaks",
            state.characters,
        )
        state.proceed(judged.proof)
        state.output_verdict = verdict = judged.bare()
        if verdict.decision is Decision.BLOCK:
            raise Stopped(problems.output_blocked(verdict))
        if verdict.decision is not Decision.ALLOW:
            raise Stopped(problems.output_held(verdict))
        self._note(run_summary.screened(verdict))

    async def _close(self, state: RunState) -> InferenceResult:
        self._enter(names.CLOSE_REQUEST.name, closing=True)
        try:
            end, closed = await self._record(state)
        except stages.StageFailed as failed:  # after a day without its servers, a run ends unrecorded: as a fault
            self._summary.finish(Status.FAILED)
            raise failure_for(failed.kind or Kind.STORE_UNAVAILABLE, retryable=False) from failed
        recorded = Status(closed.status)
        search_attributes.decided(recorded, state.verdict, known=state.valid.submitter is not None)
        self._note(run_summary.closed(recorded, closed.event_id))
        self._summary.finish(recorded)
        workflow.set_current_details(self._summary.markdown())
        if recorded is Status.CANCELLED and self._withdrawn is None:
            raise asyncio.CancelledError
        result = result_of(end, closed, end.reply)
        if recorded is Status.FAILED:
            raise failure_for(Kind(result.problem.kind) if result.problem else Kind.INTERNAL, result, retryable=False)
        return result

    async def _record(self, state: RunState) -> tuple[CloseInput, Closed]:
        """Record the outcome as far as it is proven."""
        refused: stages.StageFailed | None = None
        for end in state.endings(problems.unproven()):
            closing = asyncio.ensure_future(
                stages.short(names.CLOSE_REQUEST, end, "settle the budget and record the outcome", state.characters)
            )
            try:
                closed = await whatever_happens(closing)
            except stages.StageFailed as failed:
                if failed.kind is not Kind.UNPROVEN_STAGE:
                    raise
                refused = failed
            else:
                if closed.status in _STATUSES:
                    return end, closed
                refused = stages.StageFailed(names.CLOSE_REQUEST.name, Kind.INTERNAL, final=True)
                break  # someone else has reported it: what is recorded is unknown
        raise refused or AssertionError("there is always an end to record")
