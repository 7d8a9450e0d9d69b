"""The detector ``normaliser``: how what was sent was disguised, and what was left undecoded."""

from collections.abc import Iterator

from domain.screening.detectors import NOT_SCANNED, Inspection, ScreenedMessage
from domain.screening.policy import ScreeningPolicy
from domain.screening.verdicts import Decision, DetectorState, Finding


class Normaliser:
    """Names every technique that disguised a text, whoever says it.

    That something is encoded or oddly spelled is no fault: such a finding scores nothing, and what the text says is for
    other detectors. Text that people don't see is another matter. Whatever it says, a reviewer should know.
    """

    name = "normaliser"

    def inspect(self, conversation: tuple[ScreenedMessage, ...], policy: ScreeningPolicy) -> Inspection:
        """Tell of every message's techniques, and of what was not read or not decoded in it."""
        findings: list[Finding] = []
        hides = unread = False
        for exchange in conversation:
            for technique in exchange.normalised.techniques:
                score = policy.hidden_text_score if technique.hides else 0.0
                place = exchange.index, technique.start, technique.end
                findings.append(Finding(self.name, technique.name, score, *place))
                hides |= technique.hides
            for start, end in _unread(exchange):
                findings.append(Finding(self.name, NOT_SCANNED, 0.0, exchange.index, start, end))
                unread = True
        state = DetectorState.NOT_SCANNED if unread else DetectorState.SCORED
        return Inspection(state, tuple(findings), Decision.REVIEW if hides or unread else Decision.ALLOW)


def _unread(exchange: ScreenedMessage) -> Iterator[tuple[int, int]]:
    """What was not read, and all that was read where some of it stayed encoded."""
    if not exchange.normalised.complete:
        yield 0, exchange.scanned
    if exchange.scanned < len(exchange.original):
        yield exchange.scanned, len(exchange.original)
