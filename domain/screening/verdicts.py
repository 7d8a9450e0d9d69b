"""Verdicts of the screening, as types."""

from dataclasses import dataclass, field, replace
from enum import StrEnum

from domain.inference.content import UNLESS_SET
from domain.inference.texts import TextAddress, address_label

NOT_SCANNED = "not_scanned"
"""Rule for text beyond a detector's reading limit."""


class Decision(StrEnum):
    """Decisions of a verdict."""

    ALLOW = "allow"
    REVIEW = "review"
    BLOCK = "block"


class Mode(StrEnum):
    """Modes: decisions are enforced, or only recorded."""

    ENFORCE = "enforce"
    MONITOR = "monitor"


class WithoutReviewers(StrEnum):
    """Effects of a review while reviews are not enabled: a refusal, or a recorded passage."""

    REFUSE = "refuse"
    ALLOW_AND_RECORD = "allow_and_record"


class RiskBand(StrEnum):
    """Risk bands: a verdict's score, coarse enough for a search attribute."""

    LOW = "low"
    RAISED = "raised"
    HIGH = "high"


class DetectorState(StrEnum):
    """States of a detector. Only ``SCORED`` counts as having run."""

    SCORED = "scored"
    NOT_APPLICABLE = "not_applicable"
    NOT_SCANNED = "not_scanned"


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding of a detector: code points ``start`` to ``end`` of a text.

    For prompts that is the text as sent, before sanitising. ``message``, ``part`` and ``field`` are its
    ``TextAddress``; for a message of plain text ``message`` alone.
    """

    detector: str
    rule: str
    score: float
    message: int | None = 0
    start: int = 0
    end: int = 0
    part: int | None = field(default=None, metadata=UNLESS_SET)
    field: str | None = field(default=None, metadata=UNLESS_SET)

    @property
    def address(self) -> TextAddress:
        """The address of the text."""
        return TextAddress(self.message, self.part, self.field)


def found_at(at: TextAddress, detector: str, rule: str, score: float, start: int, end: int) -> Finding:
    """A finding in the text at an address."""
    return Finding(detector, rule, score, at.message, start, end, at.part, at.field)


@dataclass(frozen=True, slots=True)
class DetectorReport:
    """State of one detector."""

    detector: str
    state: DetectorState


@dataclass(frozen=True, slots=True)
class MatchedSpan:
    """Position of a match, as in ``Finding``. It quotes nothing."""

    rule: str
    message: int | None
    start: int
    end: int
    part: int | None = field(default=None, metadata=UNLESS_SET)
    field: str | None = field(default=None, metadata=UNLESS_SET)

    @property
    def label(self) -> str:
        """The text that it is in: ``1`` for a message of plain text, ``1.2.arguments`` for a part's field."""
        return address_label(self.message, self.part, self.field)


_TOLD = 0.2


@dataclass(frozen=True, slots=True)
class Verdict:
    """Decision of the screening, its findings, and the detectors that ran. ``score`` is 0 to 1.

    In monitor mode nothing is enforced: ``decision`` is to allow, and ``withheld`` is the suppressed decision. The same
    holds for a review that the policy lets pass without reviewers.

    ``carriers`` are the labels of ``domain.inference.carriers.reports``: none in histories of earlier releases.
    """

    decision: Decision
    score: float
    risk: RiskBand
    findings: tuple[Finding, ...] = ()
    detectors: tuple[DetectorReport, ...] = ()
    mode: Mode = Mode.ENFORCE
    withheld: Decision | None = None
    carriers: tuple[str, ...] = field(default=(), metadata=UNLESS_SET)

    @property
    def judged(self) -> Decision:
        """Return the screening's decision, whether enforced or not."""
        return self.decision if self.withheld is None else self.withheld

    @property
    def places(self) -> tuple[MatchedSpan, ...]:
        """Return the positions of the deciding findings in order, without low scores."""
        told = [found for found in self.findings if found.score >= _TOLD or found.rule == NOT_SCANNED]
        return tuple(
            MatchedSpan(found.rule, found.message, found.start, found.end, found.part, found.field)
            for found in told or self.findings
        )

    @property
    def rules(self) -> tuple[str, ...]:
        """Return the names of the matching rules, each once, in order: safe to show, they quote nothing."""
        return tuple(dict.fromkeys(finding.rule for finding in self.findings))


def without_review(verdict: Verdict, effect: WithoutReviewers) -> Verdict:
    """Return the verdict while reviews are not enabled: a review is kept, or passes and is recorded as withheld."""
    if verdict.decision is not Decision.REVIEW or effect is WithoutReviewers.REFUSE:
        return verdict
    return replace(verdict, decision=Decision.ALLOW, withheld=Decision.REVIEW)
