"""The detector ``ngrams``: a linear classifier over hashed n-grams of messages."""

from collections.abc import Iterator
from dataclasses import dataclass

from domain.inference.content import TextKind
from domain.screening.detectors import NOT_SCANNED, Inspection, ScreenedText
from domain.screening.ngram_model import NgramModel
from domain.screening.ngrams import LEAST_FEATURES, WINDOW, features, steps, tokens, windows
from domain.screening.policy import ScreeningPolicy
from domain.screening.verdicts import Decision, DetectorState, Finding

RULE = "resembles_attacks"
"""Rule name of the detector's findings."""
LEAST = 0.05
"""A lower score is no finding: nearly every text resembles attacks slightly."""
_MOST_KEPT = 8192
_POINTED_OUT = 0.3  # below this a finding covers the whole window: locating it would take as long as scoring


class Ngrams:
    """Similarity of user and assistant messages to known attacks, by the most similar window.

    The application's own system messages are not judged, nor is unread text.
    """

    name = "ngrams"
    apart = True

    def __init__(self, model: NgramModel) -> None:
        self.model = model
        self._own: dict[str, int] = {}  # own weight of a token

    def inspect(self, conversation: tuple[ScreenedText, ...], policy: ScreeningPolicy) -> Inspection:
        """Score each message.

        Raises:
            ValueError: the policy was made for another model, so its thresholds are invalid.
        """
        if policy.ngram_model != self.model.name:
            raise ValueError("the policy names another model")
        findings: list[Finding] = []
        read = False
        for exchange in conversation:
            if exchange.kind is TextKind.SYSTEM:
                continue
            read = True
            findings.extend(self._judge(exchange))
            if not exchange.is_whole:
                findings.append(exchange.finding(self.name, NOT_SCANNED, 0.0, exchange.scanned, exchange.length))
        if any(finding.rule == NOT_SCANNED for finding in findings):
            return Inspection(DetectorState.NOT_SCANNED, tuple(findings), Decision.REVIEW)
        return Inspection(DetectorState.SCORED if read else DetectorState.NOT_APPLICABLE, tuple(findings))

    def _judge(self, exchange: ScreenedText) -> Iterator[Finding]:
        view = exchange.normalised.view
        if not view.text:
            return
        begin, margin = self._highest(view.text)
        score = round(self.model.score(margin), 6)
        if score >= LEAST:
            window = begin, min(len(view.text), begin + WINDOW)
            start, end = self._heaviest(view.text, begin) if score >= _POINTED_OUT else window
            yield exchange.finding(self.name, RULE, score, *view.span(start, end))

    def _highest(self, text: str) -> tuple[int, float]:
        margin, begin = max(
            ((self.model.margin(features(text[begin:end])), -begin) for begin, end in windows(len(text))),
            default=(self.model.bias, 0),
        )
        return -begin, margin

    def _heaviest(self, text: str, begin: int) -> tuple[int, int]:
        """Return the window's stretch with the largest sum of weights (Kadane's algorithm).

        A feature counts at each occurrence.
        """
        best, place = -1, (0, WINDOW)
        total = start = 0
        weights = self.model.weights
        for match, alone, together in tokens(text[begin : begin + WINDOW]):
            own = self._own.get(match[0])
            if own is None:
                own = sum(map(weights.__getitem__, alone))
                if len(self._own) >= _MOST_KEPT:
                    self._own.clear()
                self._own[match[0]] = own
            if total <= 0:
                total, start = 0, match.start()
            total += own
            for feature in together:
                total += weights[feature]
            if total > best:
                best, place = total, (start, match.end())
        return begin + place[0], min(len(text), begin + place[1])


@dataclass(frozen=True, slots=True)
class WeighedToken:
    """A token of a view, and its contribution to its window's margin."""

    start: int
    end: int
    weight: float


def explain(text: str, begin: int, model: NgramModel) -> Iterator[WeighedToken]:
    """Yield the weight of each token of the window at ``begin``, in order.

    Their sum is the margin without the model's bias.
    """
    end = next((end for start, end in windows(len(text)) if start == begin), len(text))
    found = list(steps(text[begin:end]))
    unit = model.scale / max(LEAST_FEATURES, sum(len(new) for _, _, new in found)) ** 0.5
    for start, stop, new in found:
        yield WeighedToken(begin + start, begin + stop, unit * sum(map(model.weights.__getitem__, new)))
