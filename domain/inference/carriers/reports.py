"""Reports of carriers: for each that a run has, a verdict or the reason why nothing was scanned."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

ANSWER = "answer."
"""Prefix of an answer's carriers in summaries."""


class NotScanned(StrEnum):
    """Reasons why a carrier has no verdict."""

    UNREADABLE = "unreadable"
    OPAQUE = "opaque"
    TOO_LONG = "too_long"
    NOT_REACHED = "not_reached"


@dataclass(frozen=True, slots=True)
class CarrierReport:
    """Number of a carrier's items with their severest decision, or the reason for none.

    Attributes:
        carrier: of the request; of the answer with the prefix ``ANSWER``.
        count: items that have this decision or reason in common, at least one.
        decision: ``allow``, ``review`` or ``block``: the severest; None for items that were not scanned.
        reason: None for scanned items.
    """

    carrier: str
    count: int
    decision: str | None = None
    reason: NotScanned | None = None

    @property
    def label(self) -> str:
        """``user:3:allow``, ``image:1:not_scanned:unreadable``."""
        return f"{self.carrier}:{self.count}:{self.decision or f'not_scanned:{self.reason}'}"


def labels_of(reports: Iterable[CarrierReport]) -> tuple[str, ...]:
    """Return reports as records and receipts have them."""
    return tuple(report.label for report in reports)
