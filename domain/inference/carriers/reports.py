"""Reports of carriers: for each that a run has, a verdict or the reason why nothing was scanned."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from domain.inference.carriers.kinds import unread_carrier
from domain.inference.content import OpaqueItem, UnreadItem
from domain.inference.texts import Text

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


Judged = tuple[str, str | None, NotScanned | None]
"""An item's carrier, its decision, or the reason for none."""

_SEVERITY = ("allow", "review", "block")


def reason_of(item: UnreadItem) -> NotScanned:
    """Return the reason why an item is not scanned."""
    return NotScanned.OPAQUE if isinstance(item, OpaqueItem) else NotScanned.UNREADABLE


def reported(items: Iterable[Judged]) -> tuple[CarrierReport, ...]:
    """Return the reports of items, in the order of their first one."""
    counts: Counter[tuple[str, NotScanned | None]] = Counter()
    severest: dict[str, str] = {}
    for carrier, decision, reason in items:
        counts[carrier, reason] += 1
        if decision is not None:
            severest[carrier] = max(severest.get(carrier, decision), decision, key=_SEVERITY.index)
    return tuple(
        CarrierReport(carrier, count, None if reason else severest[carrier], reason)
        for (carrier, reason), count in counts.items()
    )


def labels_of(items: Iterable[Judged]) -> tuple[str, ...]:
    """Return the reports of items as records and receipts have them."""
    return tuple(report.label for report in reported(items))


def unreached(texts: Iterable[Text], unread: Iterable[UnreadItem], prefix: str = "") -> tuple[str, ...]:
    """Return the reports of texts that no guard has judged, since the run ended before."""
    carriers = (*(text.carrier for text in texts), *(unread_carrier(item) for item in unread))
    return labels_of((f"{prefix}{carrier}", None, NotScanned.NOT_REACHED) for carrier in carriers)
