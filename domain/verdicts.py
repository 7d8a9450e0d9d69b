"""Verdicts of the screening, as types."""

from dataclasses import dataclass
from enum import StrEnum


class Decision(StrEnum):
    """What a verdict asks for."""

    ALLOW = "allow"
    REVIEW = "review"
    BLOCK = "block"


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
class Verdict:
    """What the screening decided, why, and which detectors stand behind it. ``score`` is 0 to 1."""

    decision: Decision
    score: float
    risk: RiskBand
    findings: tuple[Finding, ...] = ()
    detectors: tuple[DetectorReport, ...] = ()

    @property
    def rules(self) -> tuple[str, ...]:
        """Names of the rules that matched, each once, in order: safe to show, they quote nothing."""
        return tuple(dict.fromkeys(finding.rule for finding in self.findings))
