"""What a run has learned so far. Lives in the workflow; rebuilt by replay."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from activities.contracts.stages import CloseInput, ModelReply, Problem, Run, SanitiseResult, Submitter, Validated
from domain.inference.models import Usage
from domain.inference.requests import InferenceRequest, messages_of
from domain.inference.runs import Status
from domain.inference.token_estimates import estimate_tokens
from domain.refusals import Kind
from domain.screening.verdicts import Verdict
from workflows import timing

Known = TypeVar("Known")


class Stopped(Exception):
    """A guard ended the journey."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.kind)
        self.problem = problem


class RunState:
    """A run's knowledge, stage by stage. The properties are for stages that come after the one that learned it."""

    def __init__(self, start: tuple[Any, Any], stranger: Run) -> None:
        self.sent, self.context = start
        self.valid = Validated(stranger)
        self.clean: InferenceRequest | None = None
        self._request: InferenceRequest | None = None
        self.cleaned = SanitiseResult()
        self.verdict: Verdict | None = None
        self.output_verdict: Verdict | None = None
        self.admitted = False
        self.asked = False
        self.reply: ModelReply | None = None
        self.usage: Usage | None = None
        self.problem: Problem | None = None

    @property
    def run(self) -> Run:
        """The run's identity."""
        return self.valid.run

    @property
    def submitter(self) -> Submitter:
        """The proven principal."""
        return _known(self.valid.submitter)

    @property
    def valid_request(self) -> InferenceRequest:
        """The request as the caller sent it, within the limits. Its messages are those of the start."""
        if self._request is None:
            self._request = replace(_known(self.valid.request), messages=messages_of(self.sent))
        return self._request

    @property
    def fallbacks(self) -> tuple[str, ...]:
        """Models to ask when the first can't be had."""
        return self.valid.fallbacks

    def call_lengths(self, index: int) -> timing.ModelCallLengths:
        """Time-outs of the calls of a model: the one that was asked for (0), or a fallback."""
        recorded = self.valid.call_seconds
        return timing.model_call(recorded[index] if index < len(recorded) else None)

    @property
    def clean_request(self) -> InferenceRequest:
        """The request as the model may see it."""
        return _known(self.clean)

    @property
    def removed(self) -> tuple[str, ...]:
        """What hid in the prompt and was taken out."""
        return self.cleaned.removed

    @property
    def screened(self) -> Verdict:
        """The verdict on the prompt."""
        return _known(self.verdict)

    @property
    def answered(self) -> ModelReply:
        """The model's reply."""
        return _known(self.reply)

    def as_sent(self, problem: Problem) -> Problem:
        """The problem with the field by the caller's name for it: a lone prompt was made into a message."""
        lone = isinstance(self.sent, Mapping) and "prompt" in self.sent
        return replace(problem, field="prompt") if lone and problem.field is not None else problem

    def charge(self, status: Status) -> Usage | None:
        """What the caller pays for.

        A call that was cancelled on its way has been read by the provider: its prompt is charged, by estimate. A call
        that failed is free.
        """
        if self.usage is None and self.asked and status is Status.CANCELLED and self.clean is not None:
            return Usage(estimate_tokens(self.clean.messages), 0, estimated=True)
        return self.usage

    def end(self, status: Status) -> CloseInput:
        """The end, to be settled and recorded."""
        shown = status in (Status.COMPLETED, Status.BLOCKED, Status.REFUSED)
        return CloseInput(
            run=self.valid.run,
            status=status.value,
            submitter=self.valid.submitter,
            request=self._recordable,
            original=self.sent if self.valid.submitter else None,
            verdict=self.verdict,
            output_verdict=self.output_verdict,
            removed=self.removed,
            values=self.cleaned.values,
            masked=self.cleaned.masked,
            redacted=self.cleaned.redacted,
            reply=self.reply if shown else None,
            usage=self.charge(status),
            admitted=self.admitted,
            problem=self.problem,
        )

    @property
    def _recordable(self) -> InferenceRequest | None:
        """The request as the model would see it; without its messages unless they were cleaned."""
        found = self.clean or self.cleaned.request
        return found or (replace(self.valid.request, messages=()) if self.valid.request else None)


class NotYetKnown(Exception):
    """A stage asked for what an earlier one has not learned: an error in the order of stages."""

    def __init__(self) -> None:
        super().__init__(Kind.INTERNAL.value)


def _known(value: Known | None) -> Known:
    if value is None:
        raise NotYetKnown
    return value
