"""The detector ``arrangement``: orders in initials, and orders with foreign words between their own.

The text that it reads is in no view of the other detectors: a model that is told how to read it may follow it.
"""

from collections.abc import Iterator

from domain.inference.content import TextKind
from domain.screening.arrangement.initials import acrostic
from domain.screening.arrangement.interleaved import interleaved
from domain.screening.arrangement.tokens import TOKEN
from domain.screening.detectors import Inspection, ScreenedText
from domain.screening.policy import RuleSet, ScreeningPolicy
from domain.screening.verdicts import DetectorState, Finding

ACROSTIC = "acrostic"
"""Rule of an order in the initials of lines, sentences or words."""
INTERLEAVED = "interleaved_words"
"""Rule of an order with foreign words or signs between its words."""
SCORE = 0.6
"""Score of either: it requires review."""


class Arrangement:
    """Orders that the rules find in initials, or without the words between.

    The application's own system messages are not judged.
    """

    name = "arrangement"

    def inspect(self, conversation: tuple[ScreenedText, ...], policy: ScreeningPolicy) -> Inspection:
        """Find each rule at most once in a text."""
        findings: list[Finding] = []
        read = False
        for text in conversation:
            known = policy.rules.get(text.kind)
            if text.kind is TextKind.SYSTEM or known is None or known.is_empty:
                continue
            read = True
            findings.extend(_found(text, known))
        return Inspection(DetectorState.SCORED if read else DetectorState.NOT_APPLICABLE, tuple(findings))


def _found(text: ScreenedText, known: RuleSet) -> Iterator[Finding]:
    view = text.normalised.view
    tokens = TOKEN.findall(view.text)
    places = {ACROSTIC: acrostic(view, known, tokens), INTERLEAVED: interleaved(view, known, frozenset(tokens))}
    for rule, place in places.items():
        if place is not None:
            yield text.finding(Arrangement.name, rule, SCORE, *view.span(*place))
