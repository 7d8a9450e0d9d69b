"""The workflow: one governed request, from a signed start to a recorded outcome."""

import asyncio
from collections.abc import Mapping
from typing import Any

from temporalio import workflow

from activities import names
from activities.failures import failure_for
from activities.stages import (
    AdmitInput,
    Closed,
    InvokeInput,
    Problem,
    Reply,
    Run,
    ScreenInput,
    ScreenOutputInput,
    StageInput,
    ValidateInput,
)
from assay_temporal.contracts import WORKFLOW, InferenceResult
from domain.principals import SYSTEM_TENANT
from domain.refusals import Kind
from domain.runs import Status, status_for
from domain.verdicts import Decision
from workflows import search_attributes, stages
from workflows.journey import Journey, Stopped

_TRY_ANOTHER = frozenset(
    {Kind.PROVIDER_UNAVAILABLE, Kind.PROVIDER_TIMEOUT, Kind.PROVIDER_RATE_LIMITED, Kind.PROVIDER_GARBLED}
)


@workflow.defn(name=WORKFLOW)
class GuardedInference:
    """Validate, sanitise, screen, admit, invoke, screen, close.

    A denial by policy completes the run, and its result says so; a fault fails it. Either way the outcome is recorded
    before anyone hears of it, and what was reserved is settled.
    """

    def __init__(self) -> None:
        self._stage = "starting"

    @workflow.query
    def stage(self) -> str:
        """The stage that the run is in."""
        return self._stage

    @workflow.run
    async def run(self, start: Any = None, *_: Any) -> InferenceResult:  # noqa: ANN401 - a stranger's
        """Take a ``SignedRequest``. It is read leniently, since a start that makes no sense has to be refused by
        name."""
        journey = Journey(_read_start(start), _stranger())
        try:
            await self._travel(journey)
        except Stopped as stop:
            journey.problem = stop.problem
        except stages.StageFailed as failed:
            journey.problem = journey.as_sent(_fault(failed))
        except asyncio.CancelledError:
            journey.problem = _cancelled()
        return await self._close(journey)

    async def _travel(self, journey: Journey) -> None:
        await self._validate(journey)
        await self._guard(journey)
        await self._admit(journey)
        journey.reply = await self._invoke(journey)
        journey.usage = journey.reply.usage
        await self._screen_output(journey)

    async def _validate(self, journey: Journey) -> None:
        self._stage = "validate_request"
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
        shown = search_attributes.running(
            tenant=valid.run.tenant,
            caller=valid.run.caller,
            policy=valid.run.policy,
            model=journey.valid_request.model,
        )
        search_attributes.proven(shown)

    async def _guard(self, journey: Journey) -> None:
        run = journey.run
        self._stage = "sanitise_prompt"
        clean = await stages.short(
            names.SANITISE_PROMPT,
            StageInput(run, journey.valid_request),
            "normalise the prompt, remove what hides",
        )
        journey.removed = clean.removed
        if clean.problem is not None:
            raise Stopped(journey.as_sent(clean.problem))
        journey.clean = clean.request
        self._stage = "screen_prompt"
        journey.verdict = verdict = await stages.short(
            names.SCREEN_PROMPT,
            ScreenInput(run, clean.request, journey.valid_request),
            "look for injections",
        )
        if verdict.decision is Decision.BLOCK:
            raise Stopped(_blocked(Kind.PROMPT_BLOCKED, "the prompt was blocked by the screening", verdict.rules))
        if verdict.decision is not Decision.ALLOW:
            raise Stopped(_held(verdict.rules))

    async def _admit(self, journey: Journey) -> None:
        self._stage = "admit_request"
        journey.admitted = True  # from here on a reservation may exist, whatever happens
        admission = await stages.short(
            names.ADMIT_REQUEST,
            AdmitInput(
                run=journey.run,
                submitter=journey.submitter,
                request=journey.clean_request,
                original=journey.sent,
                verdict=journey.screened,
                removed=journey.removed,
            ),
            "reserve the budget and record the admission",
        )
        if admission.problem is not None:
            journey.admitted = False
            raise Stopped(admission.problem)

    async def _invoke(self, journey: Journey) -> Reply:
        self._stage = "invoke_model"
        models = (journey.valid_request.model, *journey.fallbacks)
        call_id = str(workflow.uuid4())
        for index, model in enumerate(models):
            journey.asked = True
            try:
                return await stages.long(
                    names.INVOKE_MODEL,
                    InvokeInput(journey.run, journey.clean_request, model, f"{call_id}-{index}"),
                    f"ask {model}",
                )
            except stages.StageFailed as failed:
                last = index == len(models) - 1
                if last or (failed.kind or Kind.PROVIDER_TIMEOUT) not in _TRY_ANOTHER:
                    raise
        raise AssertionError("there is always a model to ask")

    async def _screen_output(self, journey: Journey) -> None:
        self._stage = "screen_output"
        journey.output_verdict = verdict = await stages.short(
            names.SCREEN_OUTPUT,
            ScreenOutputInput(journey.run, journey.clean_request, journey.answered),
            "look for leaks in the answer",
        )
        if verdict.decision is Decision.BLOCK:
            raise Stopped(_blocked(Kind.OUTPUT_BLOCKED, "the answer was blocked by the screening", verdict.rules))
        if verdict.decision is not Decision.ALLOW:
            raise Stopped(_held(verdict.rules))

    async def _close(self, journey: Journey) -> InferenceResult:
        self._stage = "close_request"
        status = status_for(Kind(journey.problem.kind) if journey.problem else None)
        end = journey.end(status)
        closing = asyncio.ensure_future(
            stages.short(names.CLOSE_REQUEST, end, "settle the budget and record the outcome")
        )
        try:
            closed = await _whatever_happens(closing)
        except stages.StageFailed as failed:  # after a day without its stores, a run ends unrecorded: as a fault
            raise failure_for(failed.kind or Kind.STORE_UNAVAILABLE, retryable=False) from failed
        recorded = Status(closed.status)
        search_attributes.decided(recorded, journey.verdict, known=journey.valid.submitter is not None)
        self._stage = recorded.value
        if recorded is Status.CANCELLED:
            raise asyncio.CancelledError
        result = journey.result(recorded, closed)
        if recorded is Status.FAILED:
            raise failure_for(Kind(result.problem.kind) if result.problem else Kind.INTERNAL, result, retryable=False)
        return result


async def _whatever_happens(closing: asyncio.Future[Closed]) -> Closed:
    """Await the closing, also if the run is cancelled meanwhile: too late to change the outcome, never to record it."""
    try:
        return await asyncio.shield(closing)
    except asyncio.CancelledError:
        return await closing


def _stranger() -> Run:
    """The run before its signed context is proven: nobody's."""
    info = workflow.info()
    started_ms = int(info.workflow_start_time.timestamp() * 1000)
    return Run(SYSTEM_TENANT, "", info.workflow_id, info.run_id, started_ms, "", "")


def _read_start(start: object) -> tuple[Any, Any]:
    """The request and the context of a start; nothing if it is no such thing."""
    if not isinstance(start, Mapping):
        return None, None
    return start.get("request"), start.get("context")


def _cancelled() -> Problem:
    return Problem(Kind.RUN_CANCELLED.value, "the run was cancelled")


def _blocked(kind: Kind, detail: str, rules: tuple[str, ...]) -> Problem:
    return Problem(kind.value, detail, rules=rules)


def _held(rules: tuple[str, ...]) -> Problem:
    return Problem(Kind.REVIEW_UNAVAILABLE.value, "the request needs a review, which can't be had here", rules=rules)


def _fault(failed: stages.StageFailed) -> Problem:
    kind = failed.kind or (Kind.PROVIDER_TIMEOUT if failed.stage == names.INVOKE_MODEL.name else Kind.INTERNAL)
    if failed.stage in (names.SCREEN_PROMPT.name, names.SCREEN_OUTPUT.name) and kind is Kind.INTERNAL:
        kind = Kind.SCREENING_UNAVAILABLE
    field = "messages" if kind is Kind.CONTEXT_EXCEEDED else None
    return Problem(kind.value, _FAULTS.get(kind, "something of ours failed"), field)


_FAULTS = {
    Kind.CONTEXT_EXCEEDED: "the messages and the answer that was asked for are longer than the model's context",
    Kind.PROVIDER_UNAVAILABLE: "the model's provider can't be reached",
    Kind.PROVIDER_TIMEOUT: "the model's provider did not answer in time",
    Kind.PROVIDER_RATE_LIMITED: "the model's provider has no capacity for us at present",
    Kind.PROVIDER_REJECTED: "the model's provider rejected the call",
    Kind.PROVIDER_GARBLED: "the model's provider gave an answer that makes no sense",
    Kind.SCREENING_UNAVAILABLE: "the screening could not run, so nothing may pass",
}
