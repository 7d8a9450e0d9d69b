"""State of a run between its stages. Kept in the workflow; rebuilt by replay."""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from activities.contracts.stages import CloseInput, ModelReply, Problem, Run, SanitiseResult, Submitter, Validated
from domain.inference.bodies.attachments import data_of
from domain.inference.bodies.values import characters_of
from domain.inference.lost_attempts import LostAttempts
from domain.inference.models import Usage
from domain.inference.parsing import messages_of
from domain.inference.requests import InferenceRequest
from domain.inference.runs import Status, status_for
from domain.refusals import Kind
from domain.screening.verdicts import Verdict
from workflows import timing

Known = TypeVar("Known")
_KINDS = frozenset(kind.value for kind in Kind)


class Stopped(Exception):
    """A guard ended the run."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.kind)
        self.problem = problem


class RunState:
    """State of a run, stage by stage. The properties are for stages after the one that sets the value."""

    def __init__(self, start: tuple[Any, Any], unverified: Run) -> None:
        self.sent, self.context = start
        self.characters = characters_of(self.sent)
        self.valid = Validated(unverified)
        self.clean: InferenceRequest | None = None
        self._request: InferenceRequest | None = None
        self.cleaned = SanitiseResult()
        self.verdict: Verdict | None = None
        self.output_verdict: Verdict | None = None
        self.admitted = False
        self.asked = False
        self.reply: ModelReply | None = None
        self.usage: Usage | None = None
        self.reserved = 0
        self._lost = LostAttempts()
        self.problem: Problem | None = None
        self.proof: str | None = None
        self._unverified = unverified
        self._verified: RunState | None = None

    def proceed(self, proof: str | None) -> None:
        """Take the proof of the stage that has just ended. That stage has verified the state as it is now."""
        self._verified = None  # not a chain of all states
        self._verified = copy.copy(self)
        self.proof = proof

    @property
    def of_earlier_release(self) -> bool:
        """Return True if the first stage ended without a proof: its worker is of a release before there were any."""
        return self._verified is not None and self.valid.proof is None

    def endings(self, unproven: Problem) -> Iterator[CloseInput]:
        """Return the ends to record: the run's, and if a result is ``unproven``, without it, and bare."""
        if self.problem is not None and self.problem.kind not in _KINDS:  # as someone else has reported it
            self.problem = unproven
        if self.problem is None or self.problem.kind != unproven.kind:
            yield self.end()
        for state in (self._verified, RunState((self.sent, self.context), self._unverified)):
            if state is not None:
                state.problem = unproven
                yield state.end()

    @property
    def run(self) -> Run:
        """Return the run's identity."""
        return self.valid.run

    @property
    def submitter(self) -> Submitter:
        """Return the authenticated principal."""
        return _known(self.valid.submitter)

    @property
    def valid_request(self) -> InferenceRequest:
        """Return the request as sent by the caller, within the limits. Its messages are those of the start."""
        if self._request is None:
            self._request = replace(_known(self.valid.request), messages=messages_of(self.sent))
        return self._request

    @property
    def data(self) -> tuple[tuple[str, str], ...]:
        """Return the data of the request's attachments, by their digests."""
        return data_of(self.sent)

    @property
    def fallbacks(self) -> tuple[str, ...]:
        """Return the fallback models."""
        return self.valid.fallbacks

    def call_lengths(self, index: int) -> timing.ModelCallLengths:
        """Return the time-outs of the calls of a model: the requested one (0), or a fallback."""
        recorded = self.valid.call_seconds
        return timing.model_call(recorded[index] if index < len(recorded) else None)

    @property
    def clean_request(self) -> InferenceRequest:
        """Return the request for the model."""
        return _known(self.clean)

    @property
    def removed(self) -> tuple[str, ...]:
        """Return the categories of removed hidden text."""
        return self.cleaned.removed

    @property
    def screened(self) -> Verdict:
        """Return the verdict on the prompt."""
        return _known(self.verdict)

    @property
    def answered(self) -> ModelReply:
        """Return the model's reply."""
        return _known(self.reply)

    def as_sent(self, problem: Problem) -> Problem:
        """Return the problem with the caller's name of the field: a single prompt was converted to a message."""
        lone = isinstance(self.sent, Mapping) and "prompt" in self.sent
        return replace(problem, field="prompt") if lone and problem.field is not None else problem

    def charge(self, status: Status) -> Usage | None:
        """Return the charged usage.

        For a call that was cancelled in progress the provider has read the prompt: it is charged, by the estimate that
        was reserved for it. A failed call is free, but for its lost attempts.
        """
        if self.usage is None and self.asked and status is Status.CANCELLED and self.clean is not None:
            return Usage(max(0, self.reserved - self.clean.max_tokens), 0, estimated=True)
        return self.usage

    def lose(self, attempts: LostAttempts | None) -> None:
        """Count attempts of a model call that gave no answer."""
        if attempts is not None:
            self._lost = self._lost.plus(attempts)

    def end(self) -> CloseInput:
        """Return the end of the run, to be settled and recorded."""
        status = status_for(Kind(self.problem.kind) if self.problem else None)
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
            lost=self._lost.settled(self.reserved) if self._lost.attempts else None,
            proof=self.proof,
        )

    @property
    def _recordable(self) -> InferenceRequest | None:
        """Return the request for the model; without its messages unless they were sanitised."""
        found = self.clean or self.cleaned.request
        return found or (replace(self.valid.request, messages=()) if self.valid.request else None)


class NotYetKnown(Exception):
    """A stage requires a value of a later one: an error in the order of stages."""

    def __init__(self) -> None:
        super().__init__(Kind.INTERNAL.value)


def _known(value: Known | None) -> Known:
    if value is None:
        raise NotYetKnown
    return value
