"""What a run tells of itself while it goes on: for the Temporal UI, in Markdown, and for the query ``progress``.

Encrypted like every payload; and no word of a prompt or an answer stands in it all the same.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from activities.contracts.stages import Admission, ModelReply, Problem, Run, SanitiseResult
from assay_temporal.contracts import Progress, StageReport
from domain.inference.requests import InferenceRequest
from domain.inference.runs import Status
from domain.screening.verdicts import MatchedSpan, Verdict

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
    """The stages so far, each with what came of it."""

    def __init__(self) -> None:
        self._done: list[StageReport] = []
        self._now = "starting"
        self._of = ""
        self._status = Status.RUNNING
        self._closing = False

    @property
    def stage(self) -> str:
        """The stage that the run is in, or how it ended."""
        return self._now

    @property
    def closing(self) -> bool:
        """Whether the outcome stands."""
        return self._closing

    @property
    def ended(self) -> bool:
        """Whether nothing more comes."""
        return self._status is not Status.RUNNING

    @property
    def progress(self) -> Progress:
        """The same, for a program."""
        return Progress(self._status.value, self._now, tuple(self._done))

    def begins(self, stage: str, *, closing: bool = False) -> None:
        """The run has come to a stage."""
        self._now = stage
        self._closing = closing

    def tells(self, outcome: str) -> None:
        """The stage is over, and this came of it."""
        self._done.append(StageReport(self._now, outcome))

    def is_of(self, run: Run, request: InferenceRequest) -> None:
        """Whose run it is, once that is proven."""
        policy = run.policy[:_POLICY_DIGITS]
        self._of = f"**{request.model}** for tenant **{run.tenant}**, caller `{run.caller}`, policy `{policy}`"

    def ends(self, status: Status) -> None:
        """The outcome is recorded."""
        self._status = status
        self._now = status.value

    def markdown(self) -> str:
        """The run at a glance."""
        rows = [f"| {report.stage} | {report.outcome} |" for report in self._done]
        if self._status is Status.RUNNING:
            rows.append(f"| **{self._now}** | … |")
        return "\n".join([self._of, "", "| stage | outcome |", "|---|---|", *rows, "", f"**{self._status.value}**"])


def static_summary(model: str, tenant: str) -> str:
    """What stands beside the run in a list."""
    return f"{model} for {tenant}"


def static_details(model: str, tenant: str) -> str:
    """What a run of this kind is, in Markdown."""
    return _STATIC.format(model=model, tenant=tenant)


def valid(request: InferenceRequest) -> str:
    """A request that holds."""
    return (
        f"signed start verified; {_count(len(request.messages), 'message')}, at most {request.max_tokens} answer tokens"
    )


def sanitised(clean: SanitiseResult) -> str:
    """What was removed, by category, and what was masked, by kind."""
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
    """A verdict with the rules behind it, and whether it only watches."""
    watched = f" (monitoring: would be {verdict.withheld.value})" if verdict.withheld else ""
    score = f"score {verdict.score:.2f}, risk {verdict.risk.value}"
    return f"{verdict.decision.value}{watched}, {score}{_named(verdict.rules)}{_places(verdict.places)}"


def admitted(admission: Admission) -> str:
    """What was reserved."""
    return f"{_count(admission.reserved_tokens, 'token')} reserved, admission recorded"


def answered(reply: ModelReply) -> str:
    """Which model answered, and what it took."""
    usage = reply.usage
    return f"{reply.model}: {usage.prompt_tokens} + {usage.completion_tokens} tokens, {reply.finish_reason}"


def refused(problem: Problem) -> str:
    """Why it goes no further."""
    return f"**{problem.kind}**{_named(problem.rules)}{_places(problem.places)}"


def closed(status: Status, event_id: str) -> str:
    """How it was recorded."""
    return f"{status.value}, recorded as `{event_id}`"


def _named(rules: tuple[str, ...]) -> str:
    return f": {', '.join(f'`{rule}`' for rule in rules)}" if rules else ""


def _places(places: tuple[MatchedSpan, ...]) -> str:
    """Where, by message and code points."""
    shown = [f"message {place.message}: {place.start}-{place.end}" for place in places[:_MOST_PLACES]]
    more = ["..."] if len(places) > _MOST_PLACES else []
    return f" ({', '.join(shown + more)})" if shown else ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
