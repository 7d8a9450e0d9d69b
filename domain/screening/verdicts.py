"""Verdicts of the screening, as types."""

from dataclasses import dataclass
from enum import StrEnum

NOT_SCANNED = "not_scanned"
"""The rule that names text beyond what a detector reads."""


class Decision(StrEnum):
    """What a verdict asks for."""

    ALLOW = "allow"
    REVIEW = "review"
    BLOCK = "block"


class Mode(StrEnum):
    """Whether a decision is acted upon, or recorded only."""

    ENFORCE = "enforce"
    MONITOR = "monitor"


class RiskBand(StrEnum):
    """A verdict's score, coarse enough for a search attribute."""

    LOW = "low"
    RAISED = "raised"
    HIGH = "high"


class DetectorState(StrEnum):
    """Whether a detector has read the text. Only ``SCORED`` counts as having run."""

    SCORED = "scored"
    NOT_APPLICABLE = "not_applicable"
    NOT_SCANNED = "not_scanned"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a detector found. ``start`` and ``end`` are code points in the message at ``message``.

    On the way in that message is the one that was sent, not what sanitising made of it.
    """

    detector: str
    rule: str
    score: float
    message: int = 0
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class DetectorReport:
    """Whether one detector ran."""

    detector: str
    state: DetectorState


@dataclass(frozen=True, slots=True)
class MatchedSpan:
    """Where a rule matched: code points ``start`` to ``end`` of the message at ``message``. It quotes nothing."""

    rule: str
    message: int
    start: int
    end: int


_TOLD = 0.2


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the screening decided, why, and which detectors stand behind it. ``score`` is 0 to 1.

    In monitor mode nothing is acted upon: ``decision`` is to allow, and ``withheld`` says what it would have been.
    """

    decision: Decision
    score: float
    risk: RiskBand
    findings: tuple[Finding, ...] = ()
    detectors: tuple[DetectorReport, ...] = ()
    mode: Mode = Mode.ENFORCE
    withheld: Decision | None = None

    @property
    def judged(self) -> Decision:
        """What the screening thinks, whether or not it is acted upon."""
        return self.decision if self.withheld is None else self.withheld

    @property
    def places(self) -> tuple[MatchedSpan, ...]:
        """Where what decided was found, in the order of findings: not where there is hardly a doubt."""
        told = [found for found in self.findings if found.score >= _TOLD or found.rule == NOT_SCANNED]
        return tuple(MatchedSpan(found.rule, found.message, found.start, found.end) for found in told or self.findings)

    @property
    def rules(self) -> tuple[str, ...]:
        """Names of the rules that matched, each once, in order: safe to show, they quote nothing."""
        return tuple(dict.fromkeys(finding.rule for finding in self.findings))
