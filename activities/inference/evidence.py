"""Fields of a stage's record, by allow-list, from the run's values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from activities.contracts.stages import AdmitInput, CloseInput, Run, Submitter
from domain.identity import earlier_attempt, event_id
from domain.inference.carriers.reports import ANSWER, unreached
from domain.inference.content import Content, Message, as_json
from domain.inference.requests import InferenceRequest
from domain.inference.texts import texts_of, texts_of_answer, unread_of, unread_of_answer
from domain.records.commitments import Commitment, commit
from domain.records.fields import AdmittedFields, OutcomeFields
from domain.records.records import EncryptedFields, canonical
from domain.screening.verdicts import DetectorReport, Verdict

ADMISSION = "admission"
OUTCOME = "outcome"
RESERVATION = "reservation"
_MOST_PLACES = 50


def event_of(run: Run, slot: str) -> UUID:
    """Return the ID of a run's event, the same in every attempt."""
    return event_id(run.started_ms, run.tenant, run.workflow_id, run.run_id, slot)


def prompt_of(request: InferenceRequest | None) -> str | None:
    """Return a request as sent to the model, as one text. None if none may be recorded.

    The messages with their kinds; an object of all of its parts, if the request has tools, a format or stops.
    """
    if request is None or not request.messages:
        return None
    messages = [_said(message) for message in request.messages]
    others = {name: as_json(getattr(request, name)) for name in ("tools", "tool_choice", "response_format", "stop")}
    given = {name: value for name, value in others.items() if value}
    return canonical({"messages": messages, **given} if given else messages).decode()


def _said(message: Message) -> dict[str, Any]:
    said = {"role": message.role.value, "content": as_json(message.content)}
    return said if message.kind is None else {**said, "kind": message.kind.value}


def written(content: Content | None) -> str | None:
    """Return an answer as recorded and committed to: its text, or its parts as canonical JSON."""
    return content if content is None or isinstance(content, str) else canonical(as_json(content)).decode()


def sealed(submitter: Submitter | None, request: InferenceRequest | None, answer: str | None = None) -> EncryptedFields:
    """Return the encrypted part of a record."""
    return EncryptedFields(
        subject=submitter.subject if submitter else None,
        client_id=submitter.client_id if submitter else None,
        prompt=prompt_of(request),
        answer=answer,
    )


@dataclass(frozen=True, slots=True)
class Commitments:
    """Commitments to the caller's request and answer. ``prompt`` is over the canonical JSON of the request as sent."""

    prompt: Commitment | None
    answer: Commitment | None

    @property
    def openings(self) -> tuple[tuple[str, str], ...]:
        """Return the salts by name, for the caller alone."""
        named = (("prompt", self.prompt), ("answer", self.answer))
        return tuple((name, made.salt) for name, made in named if made is not None)


def commitments(identity_key: bytes, event: UUID, sent: object, answer: str | None) -> Commitments:
    """Commit to a request body and an answer, if there are any."""
    return Commitments(
        prompt=commit(identity_key, event, "prompt", canonical(sent)) if isinstance(sent, Mapping) else None,
        answer=commit(identity_key, event, "answer", answer.encode()) if answer is not None else None,
    )


def outcome_fields(end: CloseInput, made: Commitments) -> OutcomeFields:
    """Return the open fields of an outcome."""
    verdicts = [verdict for verdict in (end.verdict, end.output_verdict) if verdict is not None]
    return OutcomeFields(
        caller=end.run.caller or None,
        roles=end.submitter.roles if end.submitter else (),
        key=end.submitter.key if end.submitter else None,
        model=end.reply.model if end.reply else end.request.model if end.request else None,
        policy=end.run.policy or None,
        decision=verdicts[-1].decision.value if verdicts else None,
        refusal=end.problem.kind if end.problem else None,
        rules=tuple(rule for verdict in verdicts for rule in verdict.rules),
        places=placed(end.verdict) if end.verdict else (),
        monitored=next((verdict.withheld.value for verdict in verdicts if verdict.withheld), None),
        score=max((verdict.score for verdict in verdicts), default=None),
        detectors=tuple(name for verdict in verdicts for name in named(verdict.detectors)),
        removed=end.removed,
        masked=end.masked,
        redacted=end.redacted,
        prompt_tokens=end.usage.prompt_tokens if end.usage else None,
        completion_tokens=end.usage.completion_tokens if end.usage else None,
        usage_estimated=end.usage.estimated if end.usage else None,
        usage_claimed=(end.usage.claimed_tokens or None) if end.usage else None,
        attempts_lost=end.lost.attempts if end.lost else None,
        attempts_lost_tokens=end.lost.tokens if end.lost else None,
        prompt_commitment=made.prompt.digest if made.prompt else None,
        answer_commitment=made.answer.digest if made.answer else None,
        earlier_attempt=earlier_attempt(end.run.workflow_id),
        carriers=carriers_of(end),
        ignored=end.request.ignored if end.request else (),
    )


def carriers_of(end: CloseInput) -> tuple[str, ...]:
    """Return the verdict on each carrier of a run, or the reason for none. Those of the request are first."""
    found: tuple[str, ...] = ()
    if end.verdict is not None:
        found = end.verdict.carriers
    elif end.request is not None:
        found = unreached(texts_of(end.request), (item for _, item in unread_of(end.request)))
    if end.output_verdict is not None:
        return (*found, *end.output_verdict.carriers)
    if end.reply is None:
        return found
    answer = end.reply.content
    return (*found, *unreached(texts_of_answer(answer), (item for _, item in unread_of_answer(answer)), ANSWER))


def named(reports: tuple[DetectorReport, ...]) -> tuple[str, ...]:
    """Return detectors with their states, as ``rules:scored``."""
    return tuple(f"{report.detector}:{report.state.value}" for report in reports)


def placed(verdict: Verdict) -> tuple[str, ...]:
    """Return the positions of matches, as ``rule@message:start-end``; in a part ``rule@message.part:start-end``."""
    return tuple(f"{at.rule}@{at.label}:{at.start}-{at.end}" for at in verdict.places[:_MOST_PLACES])


def admission_fields(stage: AdmitInput, reserved: int, made: Commitments) -> AdmittedFields:
    """Return the open fields of an admission."""
    return AdmittedFields(
        caller=stage.run.caller,
        roles=stage.submitter.roles,
        model=stage.request.model,
        policy=stage.run.policy,
        decision=stage.verdict.decision.value,
        rules=stage.verdict.rules,
        places=placed(stage.verdict),
        monitored=stage.verdict.withheld.value if stage.verdict.withheld else None,
        score=stage.verdict.score,
        detectors=named(stage.verdict.detectors),
        removed=stage.removed,
        masked=stage.masked,
        redacted=stage.redacted,
        reserved_tokens=reserved,
        key=stage.submitter.key,
        earlier_attempt=earlier_attempt(stage.run.workflow_id),
        carriers=stage.verdict.carriers,
        ignored=stage.request.ignored,
        prompt_commitment=made.prompt.digest if made.prompt else None,
    )
