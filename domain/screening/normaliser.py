"""The detector ``normaliser``: disguises of the text as sent, and text left undecoded."""

from collections.abc import Iterator

from domain.screening.detectors import NOT_SCANNED, Inspection, ScreenedText
from domain.screening.policy import ScreeningPolicy
from domain.screening.verdicts import Decision, DetectorState, Finding


class Normaliser:
    """Reports every technique that disguised a text, whatever its role.

    Encodings and unusual spellings are no offence: such a finding has score zero, and the decoded text is judged by
    other detectors. Invisible text is different: it always requires review.
    """

    name = "normaliser"
    apart = True

    def inspect(self, conversation: tuple[ScreenedText, ...], policy: ScreeningPolicy) -> Inspection:
        """Report every text's techniques, and its unread or undecoded parts."""
        findings: list[Finding] = []
        hides = unread = False
        for exchange in conversation:
            for technique in exchange.normalised.techniques:
                score = policy.hidden_text_score if technique.hides else 0.0
                findings.append(exchange.finding(self.name, technique.name, score, technique.start, technique.end))
                hides |= technique.hides
            for start, end in _unread(exchange):
                findings.append(exchange.finding(self.name, NOT_SCANNED, 0.0, start, end))
                unread = True
        state = DetectorState.NOT_SCANNED if unread else DetectorState.SCORED
        return Inspection(state, tuple(findings), Decision.REVIEW if hides or unread else Decision.ALLOW)


def _unread(exchange: ScreenedText) -> Iterator[tuple[int, int]]:
    """Yield unread parts, and the whole text read if some of it stayed encoded."""
    if not exchange.normalised.complete:
        yield 0, exchange.scanned
    if not exchange.is_whole:
        yield exchange.scanned, exchange.length
