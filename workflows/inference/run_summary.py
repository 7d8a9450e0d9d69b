"""Run summary: for the Temporal UI, in Markdown, and for the query ``progress``.

Encrypted like every payload; and without any text of a prompt or an answer nevertheless.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from activities.contracts.stages import Admission, ModelReply, Problem, Run, SanitiseResult
from assay_temporal.contracts import Progress, StageReport
from domain.inference.requests import InferenceRequest
from domain.inference.runs import Status
from domain.screening.verdicts import MatchedSpan, Mode, Verdict

_POLICY_DIGITS = 12
_MOST_PLACES = 5
_NOUNS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "private_key": "private key",
        "password": "password",
        "api_key": "API key",
        "token": "token",
        "card_number": "card number",
        "iban": "IBAN",
        "email": "e-mail address",
        "phone": "phone number",
        "other": "value",
    }
)
_STATIC = """\
A governed request to **{model}** for tenant **{tenant}**.

1. `validate_request`, `sanitise_prompt`, `screen_prompt`: verify the signed start; clean, mask and screen the prompt.
2. `admit_request`: reserve the token budget and record the admission, before any model call.
3. `invoke_model`, `screen_output`: call the model and screen its answer.
4. `close_request`: settle the budget and record the outcome, before the answer is returned.

The current details show each stage's result so far. Prompt and answer are in the stages' inputs and results,
encrypted with the tenant's key.
"""


class RunSummary:
    """Completed stages, each with its result."""

    def __init__(self) -> None:
        self._done: list[StageReport] = []
        self._now = "starting"
        self._of = ""
        self._status = Status.RUNNING
        self._closing = False

    @property
    def stage(self) -> str:
        """Return the current stage, or the final status."""
        return self._now

    @property
    def closing(self) -> bool:
        """Return True once the outcome is determined."""
        return self._closing

    @property
    def ended(self) -> bool:
        """Return True after the end of the run."""
        return self._status is not Status.RUNNING

    @property
    def progress(self) -> Progress:
        """Return the summary for a program."""
        return Progress(self._status.value, self._now, tuple(self._done))

    def start_stage(self, stage: str, *, closing: bool = False) -> None:
        """Note the start of a stage."""
        self._now = stage
        self._closing = closing

    def end_stage(self, outcome: str) -> None:
        """Note the result of the current stage."""
        self._done.append(StageReport(self._now, outcome))

    def identify(self, run: Run, request: InferenceRequest) -> None:
        """Note the verified identity of the run."""
        policy = run.policy[:_POLICY_DIGITS]
        self._of = f"**{request.model}** for tenant **{run.tenant}**, caller `{run.caller}`, policy `{policy}`"

    def finish(self, status: Status) -> None:
        """Note the recorded outcome."""
        self._status = status
        self._now = status.value

    def markdown(self) -> str:
        """Return the summary as Markdown."""
        rows = [f"| {report.stage} | {report.outcome} |" for report in self._done]
        if self._status is Status.RUNNING:
            rows.append(f"| **{self._now}** | … |")
        return "\n".join([self._of, "", "| stage | outcome |", "|---|---|", *rows, "", f"**{self._status.value}**"])


def static_summary(model: str, tenant: str) -> str:
    """Return the summary shown in lists of runs."""
    return f"{model} for {tenant}"


def static_details(model: str, tenant: str) -> str:
    """Return a description of this kind of run, in Markdown."""
    return _STATIC.format(model=model, tenant=tenant)


def valid(request: InferenceRequest) -> str:
    """Describe a valid request."""
    return (
        f"signed start verified; {_count(len(request.messages), 'message')}, at most {request.max_tokens} answer tokens"
    )


def sanitised(clean: SanitiseResult) -> str:
    """Describe removed text by category, and masked values by kind."""
    told = [f"removed: {', '.join(clean.removed)}"] if clean.removed else []
    for counts, done in ((clean.masked, "masked"), (clean.redacted, "redacted")):
        if counts:
            told.append(f"{', '.join(_counted(*one) for one in counts.items())} {done}")
    return "; ".join(told) or "nothing removed"


def _counted(kind: str, number: int) -> str:
    noun = _NOUNS.get(kind, kind)
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


def screened(verdict: Verdict) -> str:
    """Describe a verdict with its rules, and the suppressed decision."""
    cause = "monitoring" if verdict.mode is Mode.MONITOR else "without reviewers"
    watched = f" ({cause}: would be {verdict.withheld.value})" if verdict.withheld else ""
    score = f"score {verdict.score:.2f}, risk {verdict.risk.value}"
    return f"{verdict.decision.value}{watched}, {score}{_named(verdict.rules)}{_places(verdict.places)}"


def admitted(admission: Admission) -> str:
    """Describe the reservation."""
    return f"{_count(admission.reserved_tokens, 'token')} reserved, admission recorded"


def answered(reply: ModelReply) -> str:
    """Describe the answering model, and its usage."""
    usage = reply.usage
    return f"{reply.model}: {usage.prompt_tokens} + {usage.completion_tokens} tokens, {reply.finish_reason}"


def refused(problem: Problem) -> str:
    """Describe the reason for the refusal."""
    return f"**{problem.kind}**{_named(problem.rules)}{_places(problem.places)}"


def closed(status: Status, event_id: str) -> str:
    """Describe the record."""
    return f"{status.value}, recorded as `{event_id}`"


def _named(rules: tuple[str, ...]) -> str:
    return f": {', '.join(f'`{rule}`' for rule in rules)}" if rules else ""


def _places(places: tuple[MatchedSpan, ...]) -> str:
    """Describe positions, by message (and part) and code points."""
    shown = [f"{_named_text(place)}: {place.start}-{place.end}" for place in places[:_MOST_PLACES]]
    more = ["..."] if len(places) > _MOST_PLACES else []
    return f" ({', '.join(shown + more)})" if shown else ""


def _named_text(place: MatchedSpan) -> str:
    return place.label if place.message is None else f"message {place.label}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
