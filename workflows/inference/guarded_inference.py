"""The workflow: one governed request, from a signed start to a recorded outcome."""

import asyncio
from collections.abc import Mapping
from typing import Any

from temporalio import workflow

from activities.contracts import names
from activities.contracts.results import result_of
from activities.contracts.stages import (
    AdmitInput,
    Closed,
    InvokeInput,
    ModelReply,
    Run,
    ScreenInput,
    ScreenOutputInput,
    StageInput,
    ValidateInput,
)
from activities.failures import failure_for
from assay_temporal.contracts import WITHDRAWAL_REASONS, WORKFLOW, InferenceResult, Progress, Withdrawal
from domain.access.principals import SYSTEM_TENANT
from domain.identity import epoch_ms
from domain.inference.runs import Status, status_for
from domain.refusals import Kind
from domain.screening.verdicts import Decision
from workflows.inference import problems, run_summary, search_attributes, stages
from workflows.inference.run_state import RunState, Stopped
from workflows.inference.run_summary import RunSummary

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
        self._story = RunSummary()
        self._travelling: asyncio.Task[None] | None = None
        self._withdrawn: str | None = None

    @workflow.query
    def stage(self) -> str:
        """Return the current stage, or the final status."""
        return self._story.stage

    @workflow.query
    def progress(self) -> Progress:
        """Return the stages so far, with their results."""
        return self._story.progress

    @workflow.update
    async def withdraw(self, withdrawal: Withdrawal) -> str:
        """End the run in order: used tokens are settled, the outcome recorded. Returns the recorded status."""
        self._withdrawn = withdrawal.reason
        if self._travelling is not None:
            self._travelling.cancel()
        await workflow.wait_condition(lambda: self._story.ended)
        return self._story.stage

    @withdraw.validator
    def _may_withdraw(self, withdrawal: Withdrawal) -> None:
        if _reason(withdrawal) not in WITHDRAWAL_REASONS:
            raise ValueError(f"a withdrawal needs a reason: {', '.join(WITHDRAWAL_REASONS)}")
        if self._story.closing:
            raise ValueError("too late: the outcome of the run is being recorded")

    @workflow.run
    async def run(self, start: Any = None, *_: Any) -> InferenceResult:  # noqa: ANN401 - untrusted
        """Run a ``SignedRequest``. It is parsed leniently, since a malformed start has to be refused by name."""
        journey = RunState(_read_start(start), _stranger())
        self._travelling = asyncio.create_task(self._travel(journey))
        if self._withdrawn is not None:  # before its first stage
            self._travelling.cancel()
        try:
            await self._travelling
        except Stopped as stop:
            journey.problem = stop.problem
        except stages.StageFailed as failed:
            journey.problem = journey.as_sent(problems.fault(failed))
        except asyncio.CancelledError:
            journey.problem = problems.withdrawn(self._withdrawn) if self._withdrawn else problems.cancelled()
        if journey.problem is not None:
            self._tell(run_summary.refused(journey.problem))
        result = await self._close(journey)
        if not workflow.all_handlers_finished():
            await workflow.wait_condition(workflow.all_handlers_finished)
        return result

    def _enter(self, stage: str, *, closing: bool = False) -> None:
        if not closing:
            stages.heed_cancellation()
        self._story.begins(stage, closing=closing)
        workflow.set_current_details(self._story.markdown())

    def _tell(self, outcome: str) -> None:
        self._story.tells(outcome)

    async def _travel(self, journey: RunState) -> None:
        await self._validate(journey)
        await self._guard(journey)
        await self._admit(journey)
        journey.reply = await self._invoke(journey)
        journey.usage = journey.reply.usage
        self._tell(run_summary.answered(journey.reply))
        await self._screen_output(journey)
        stages.heed_cancellation()

    async def _validate(self, journey: RunState) -> None:
        self._enter(names.VALIDATE_REQUEST.name)
        run = journey.run
        journey.valid = valid = await stages.short(
            names.VALIDATE_REQUEST,
            ValidateInput(
                request=journey.sent,
                context=journey.context,
                workflow_id=run.workflow_id,
                run_id=run.run_id,
                started_ms=run.started_ms,
            ),
            "verify the signed start and read the request",
        )
        if valid.problem is not None:
            raise Stopped(valid.problem)
        request = journey.valid_request
        self._story.is_of(valid.run, request)
        self._tell(run_summary.valid(request))
        search_attributes.proven(valid.run, request.model)

    async def _guard(self, journey: RunState) -> None:
        run = journey.run
        self._enter(names.SANITISE_PROMPT.name)
        clean = await stages.short(
            names.SANITISE_PROMPT,
            StageInput(run, journey.valid_request),
            "normalise the prompt, remove hidden text, mask personal data",
        )
        journey.cleaned = clean
        if clean.problem is not None:
            raise Stopped(journey.as_sent(clean.problem))
        journey.clean = clean.request or journey.valid_request
        self._tell(run_summary.sanitised(clean))
        self._enter(names.SCREEN_PROMPT.name)
        journey.verdict = verdict = await stages.short(
            names.SCREEN_PROMPT,
            ScreenInput(run, journey.clean, journey.valid_request if clean.request else None),
            "screen the prompt for injections",
        )
        if verdict.decision is Decision.BLOCK:
            raise Stopped(problems.prompt_blocked(verdict))
        if verdict.decision is not Decision.ALLOW:
            raise Stopped(problems.prompt_held(verdict))
        self._tell(run_summary.screened(verdict))

    async def _admit(self, journey: RunState) -> None:
        self._enter(names.ADMIT_REQUEST.name)
        journey.admitted = True  # from here on a reservation may exist in any case
        admission = await stages.short(
            names.ADMIT_REQUEST,
            AdmitInput(
                run=journey.run,
                submitter=journey.submitter,
                request=journey.clean_request,
                original=journey.sent,
                verdict=journey.screened,
                removed=journey.removed,
                masked=journey.cleaned.masked,
                redacted=journey.cleaned.redacted,
            ),
            "reserve the budget and record the admission",
        )
        if admission.problem is not None:
            journey.admitted = False
            raise Stopped(admission.problem)
        self._tell(run_summary.admitted(admission))

    async def _invoke(self, journey: RunState) -> ModelReply:
        self._enter(names.INVOKE_MODEL.name)
        models = (journey.valid_request.model, *journey.fallbacks)
        call_id = str(workflow.uuid4())
        for index, model in enumerate(models):
            journey.asked = True
            try:
                return await stages.long(
                    names.INVOKE_MODEL,
                    InvokeInput(journey.run, journey.clean_request, model, f"{call_id}-{index}"),
                    f"call {model}",
                    journey.call_lengths(index),
                )
            except stages.StageFailed as failed:
                last = index == len(models) - 1
                if last or (failed.kind or Kind.PROVIDER_TIMEOUT) not in _TRY_ANOTHER:
                    raise
        raise AssertionError("there is always a model to call")

    async def _screen_output(self, journey: RunState) -> None:
        self._enter(names.SCREEN_OUTPUT.name)
        journey.output_verdict = verdict = await stages.short(
            names.SCREEN_OUTPUT,
            ScreenOutputInput(journey.run, journey.clean_request, journey.answered),
            "screen the answer for leaks",
        )
        if verdict.decision is Decision.BLOCK:
            raise Stopped(problems.output_blocked(verdict))
        if verdict.decision is not Decision.ALLOW:
            raise Stopped(problems.output_held(verdict))
        self._tell(run_summary.screened(verdict))

    async def _close(self, journey: RunState) -> InferenceResult:
        self._enter(names.CLOSE_REQUEST.name, closing=True)
        end = journey.end(status_for(Kind(journey.problem.kind) if journey.problem else None))
        closing = asyncio.ensure_future(
            stages.short(names.CLOSE_REQUEST, end, "settle the budget and record the outcome")
        )
        try:
            closed = await _whatever_happens(closing)
        except stages.StageFailed as failed:  # after a day without its servers, a run ends unrecorded: as a fault
            self._story.ends(Status.FAILED)
            raise failure_for(failed.kind or Kind.STORE_UNAVAILABLE, retryable=False) from failed
        recorded = Status(closed.status)
        search_attributes.decided(recorded, journey.verdict, known=journey.valid.submitter is not None)
        self._tell(run_summary.closed(recorded, closed.event_id))
        self._story.ends(recorded)
        workflow.set_current_details(self._story.markdown())
        if recorded is Status.CANCELLED and self._withdrawn is None:
            raise asyncio.CancelledError
        result = result_of(end, closed, journey.reply)
        if recorded is Status.FAILED:
            raise failure_for(Kind(result.problem.kind) if result.problem else Kind.INTERNAL, result, retryable=False)
        return result


async def _whatever_happens(closing: asyncio.Future[Closed]) -> Closed:
    """Await the closing, also if the run is cancelled meanwhile: a late cancellation must not prevent the record."""
    try:
        return await asyncio.shield(closing)
    except asyncio.CancelledError:
        return await closing


def _reason(withdrawal: object) -> str | None:
    """Return the reason; None for an argument that failed authentication and was read as null."""
    return withdrawal.reason if isinstance(withdrawal, Withdrawal) else None


def _stranger() -> Run:
    """Return the unverified run, before its signed context is proven."""
    info = workflow.info()
    return Run(SYSTEM_TENANT, "", info.workflow_id, info.run_id, epoch_ms(info.workflow_start_time), "", "")


def _read_start(start: object) -> tuple[Any, Any]:
    """Return request and context of a start; None for each if it is malformed."""
    if not isinstance(start, Mapping):
        return None, None
    return start.get("request"), start.get("context")
