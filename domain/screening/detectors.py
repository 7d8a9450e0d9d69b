"""Detectors: they read a request's texts, and return findings and their own state. Extension point for more.

A new detector is a class with ``inspect`` and a name in ``domain/screening/screen.py``; the policy lists those to run.
"""

from dataclasses import dataclass
from typing import Protocol

from domain.inference.content import Speaker, TextKind
from domain.inference.requests import InferenceRequest
from domain.inference.texts import TextAddress, texts_of
from domain.screening.policy import ScreeningPolicy
from domain.screening.verdicts import NOT_SCANNED, Decision, DetectorState, Finding, found_at
from domain.text.json_text import readable, span_in
from domain.text.normalise.pipeline import Normalised, normalise
from domain.text.view import View

__all__ = ["NOT_SCANNED", "ONNX", "SLOW", "Detector", "Inspection", "ScreenedText", "pair"]

ONNX = "onnx"
"""The detector with an operator's own model: ``adapters/screening/onnx.py``."""
SLOW = frozenset({ONNX})
"""Detectors that take tens of milliseconds: not to be run in an event loop."""


@dataclass(frozen=True, slots=True)
class ScreenedText:
    """A text of a request as sent, for the model, and for detectors.

    Attributes:
        address: its address in the request.
        kind: its kind of text.
        text: the sanitised text for the model.
        sent: the text as sent, JSON without its escapes.
        normalised: the text for detectors: the view of the first ``scanned`` code points of the original.
        scanned: number of code points of the original that were read.
        role: of its message; None outside messages.
    """

    address: TextAddress
    kind: TextKind
    text: str
    sent: View
    normalised: Normalised
    scanned: int
    role: Speaker | None = None

    @property
    def original(self) -> str:
        """The text as sent, in readable form."""
        return self.sent.text

    def finding(self, detector: str, rule: str, score: float, start: int, end: int) -> Finding:
        """A finding in ``original``, with positions in the text as received."""
        return found_at(self.address, detector, rule, score, *span_in(self.sent, start, end))


@dataclass(frozen=True, slots=True)
class Inspection:
    """Result of one detector. ``at_least`` is the mildest decision for its findings, whatever their score."""

    state: DetectorState
    findings: tuple[Finding, ...] = ()
    at_least: Decision = Decision.ALLOW


class Detector(Protocol):
    """Reads texts. Any exception makes the screening unavailable, and never passes the text."""

    def inspect(self, conversation: tuple[ScreenedText, ...], policy: ScreeningPolicy) -> Inspection:
        """Judge the texts. Pure: no clock, no I/O."""
        ...


def pair(request: InferenceRequest, original: InferenceRequest, policy: ScreeningPolicy) -> tuple[ScreenedText, ...]:
    """Pair sanitised texts with the originals, normalised as far as the policy permits.

    The application's own texts (system messages, tools, formats) don't count against the limit of the others: each is
    read to the limit.

    Raises:
        ValueError: the addresses of their texts differ.
    """
    left = policy.max_scanned_chars
    conversation: list[ScreenedText] = []
    for text, came in zip(texts_of(request), texts_of(original), strict=True):
        if text.address != came.address:
            raise ValueError("a text has another place in the original")
        own = text.role in (Speaker.SYSTEM, None)
        sent = readable(came)
        limit = policy.max_scanned_chars if own else left
        normalised = normalise(sent.text[:limit], policy.removed_characters)
        scanned = min(limit, len(sent.text))
        conversation.append(ScreenedText(text.address, text.kind, text.text, sent, normalised, scanned, text.role))
        if not own:
            left -= scanned
    return tuple(conversation)
