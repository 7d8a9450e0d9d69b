"""Detectors: they read a request's texts, and return findings and their own state. Extension point for more.

A new detector is a class with ``inspect`` and a name in ``domain/screening/screen.py``; the policy lists those to run.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from domain.inference.content import Speaker, TextKind
from domain.inference.requests import InferenceRequest
from domain.inference.texts import Text, TextAddress, texts_of
from domain.ports import NO_TEXT_CACHE, Made, TextCache, no_size
from domain.screening.policy import ScreeningPolicy
from domain.screening.verdicts import NOT_SCANNED, Decision, DetectorState, Finding, found_at
from domain.text.json_text import readable, readable_text, span_in
from domain.text.normalise.pipeline import Normalised, normalise
from domain.text.view import View

__all__ = ["NOT_SCANNED", "ONNX", "SLOW", "Detector", "Inspection", "ScreenedText", "pair"]

ONNX = "onnx"
"""The detector with an operator's own model: ``adapters/screening/onnx.py``."""
SLOW = frozenset({ONNX})
"""Detectors that take tens of milliseconds: not to be run in an event loop."""


@dataclass(frozen=True)
class ScreenedText:
    """A text of a request as sent, for the model, and for detectors.

    It is normalised when a detector reads it: one that was judged before is not read.

    Attributes:
        address: its address in the request.
        kind: its kind of text.
        text: the sanitised text for the model.
        received: the text as sent.
        length: number of code points of the original.
        scanned: number of code points of the original that are read.
        role: of its message; None outside messages.
        removed: visible characters that sanitising removes.
        cache: results for the text from earlier requests.
    """

    address: TextAddress
    kind: TextKind
    text: str
    received: Text
    length: int
    scanned: int
    role: Speaker | None = None
    removed: str = ""
    cache: TextCache = field(default=NO_TEXT_CACHE, compare=False, repr=False)

    @cached_property
    def sent(self) -> View:
        """The text as sent, JSON without its escapes."""
        return readable(self.received)

    @cached_property
    def normalised(self) -> Normalised:
        """The text for detectors: the view of the first ``scanned`` code points of the original."""
        return normalise(self.sent.text[: self.scanned], self.removed)

    @property
    def is_whole(self) -> bool:
        """Return True if all of the text is read."""
        return self.scanned == self.length

    def recalled(self, function: str, make: Callable[[], Made], size: Callable[[Made], int] = no_size) -> Made:
        """Return the result of ``make``, kept by the text's content, kind and role."""
        if not self.is_whole:  # what was read of it depends on the texts before it
            return make()
        role = self.role.value if self.role else ""
        return self.cache.recall(function, (self.kind, role, self.received.form, self.received.text), make, size)

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
    """Reads texts. Any exception makes the screening unavailable, and never passes the text.

    A detector with a true attribute ``apart`` judges each text by itself, by its content, kind and role. A text that it
    has judged under the same policy is not judged again.
    """

    def inspect(self, conversation: tuple[ScreenedText, ...], policy: ScreeningPolicy) -> Inspection:
        """Judge the texts. Pure: no clock, no I/O."""
        ...


def pair(
    request: InferenceRequest, original: InferenceRequest, policy: ScreeningPolicy, cache: TextCache = NO_TEXT_CACHE
) -> tuple[ScreenedText, ...]:
    """Pair sanitised texts with the originals, read as far as the policy permits.

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
        length = len(readable_text(came, cache))
        limit = policy.max_scanned_chars if own else left
        scanned = min(limit, length)
        conversation.append(
            ScreenedText(
                text.address,
                text.kind,
                text.text,
                came,
                length,
                scanned,
                text.role,
                policy.removed_characters,
                cache,
            )
        )
        if not own:
            left -= scanned
    return tuple(conversation)
