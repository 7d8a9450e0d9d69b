"""A run stage by stage: each argument with the claims before it, as the interceptor has them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from activities.contracts import names
from activities.contracts.stages import (
    Admission,
    AdmitInput,
    CloseInput,
    InvokeInput,
    ModelReply,
    Run,
    SanitiseResult,
    ScreenInput,
    ScreenOutputInput,
    StageInput,
    Submitter,
    Validated,
    ValidateInput,
)
from activities.proofs.claims import Claims
from activities.proofs.rules import RULES
from domain.inference.content import Message, Speaker
from domain.inference.models import Usage
from domain.inference.parsing import request_hash
from domain.inference.requests import InferenceRequest
from domain.screening.verdicts import Decision, RiskBand, Verdict

BODY = {"model": "fake", "prompt": "Hello a@b.example"}
WORKFLOW_ID = "inf.acme." + "a" * 32
RUN = Run("acme", "c" * 32, WORKFLOW_ID, "run-1", 1_700_000_000_000, "e" * 64, request_hash(BODY))
SUBMITTER = Submitter("alice", "app", ("ai_operator",))
REQUEST = InferenceRequest("fake", (Message(Speaker.USER, "Hello a@b.example"),), 0.7, 16)
CLEAN = replace(REQUEST, messages=(Message(Speaker.USER, "Hello email-1-abcd"),))
CLEANED = SanitiseResult(CLEAN, ("zero_width",), None, (("email-1-abcd", "a@b.example"),), {"email": 1}, {"key": 1})
ALLOWED = Verdict(Decision.ALLOW, 0.1, RiskBand.LOW)
BLOCKED = Verdict(Decision.BLOCK, 0.9, RiskBand.HIGH)
REPLY = ModelReply("Hi", "fake", "stop", Usage(7, 5))


@dataclass(frozen=True)
class Step:
    """One stage: its argument, the claims that it is given, and those with its own."""

    stage: str
    given: Any
    before: Claims
    after: Claims


def steps(results: Mapping[str, Any] | None = None) -> Iterator[Step]:
    """Go through a run; ``results`` by stage replace those of a run that is answered."""
    made: dict[str, Any] = {
        "validate_request": Validated(RUN, SUBMITTER, replace(REQUEST, messages=()), ("other",)),
        "sanitise_prompt": CLEANED,
        "screen_prompt": ALLOWED,
        "admit_request": Admission(100),
        "invoke_model": REPLY,
        "screen_output": ALLOWED,
        **(results or {}),
    }
    admit = AdmitInput(RUN, SUBMITTER, CLEAN, BODY, made["screen_prompt"], ("zero_width",), {"email": 1}, {"key": 1})
    given = (
        ValidateInput(BODY, "signed", RUN.workflow_id, RUN.run_id, RUN.started_ms),
        StageInput(RUN, REQUEST),
        ScreenInput(RUN, CLEAN, REQUEST),
        admit,
        InvokeInput(RUN, CLEAN, "fake", "call-0"),
        ScreenOutputInput(RUN, CLEAN, made["invoke_model"]),
    )
    known = Claims(RUN.run_id)
    for stage, argument in zip(names.ALL, given, strict=False):
        before = known
        known = known.plus(RULES[stage.name].facts(argument, made[stage.name], before))
        if stage is names.VALIDATE_REQUEST:
            known = replace(known, models=("fake", "other"))
        yield Step(stage.name, argument, before, known)


def ended(**changes: Any) -> CloseInput:
    """The end of an answered run."""
    whole = CloseInput(
        run=RUN,
        status="completed",
        submitter=SUBMITTER,
        request=CLEAN,
        original=BODY,
        verdict=ALLOWED,
        output_verdict=ALLOWED,
        removed=CLEANED.removed,
        reply=REPLY,
        usage=REPLY.usage,
        admitted=True,
        values=CLEANED.values,
        masked=CLEANED.masked,
        redacted=CLEANED.redacted,
    )
    return replace(whole, **changes)
