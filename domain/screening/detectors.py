"""Detectors: they read a conversation, and return findings and their own state. Extension point for more.

A new detector is a class with ``inspect`` and a name in ``domain/screening/screen.py``; the policy lists those to run.
"""

from dataclasses import dataclass
from typing import Protocol

from domain.inference.requests import Message, Speaker, TextKind
from domain.screening.policy import ScreeningPolicy
from domain.screening.verdicts import NOT_SCANNED, Decision, DetectorState, Finding
from domain.text.normalise.pipeline import Normalised, normalise

__all__ = ["NOT_SCANNED", "ONNX", "SLOW", "Detector", "Inspection", "ScreenedMessage", "pair"]

ONNX = "onnx"
"""The detector with an operator's own model: ``adapters/screening/onnx.py``."""
SLOW = frozenset({ONNX})
"""Detectors that take tens of milliseconds: not to be run in an event loop."""


@dataclass(frozen=True, slots=True)
class ScreenedMessage:
    """A message as sent, as the model will see it, and as detectors read it.

    Attributes:
        index: its position in the request.
        kind: its kind of text.
        text: the sanitised text for the model.
        original: the text as sent.
        normalised: the text for detectors: the view of the first ``scanned`` code points of the original.
        scanned: number of code points of the original that were read.
    """

    index: int
    kind: TextKind
    text: str
    original: str
    normalised: Normalised
    scanned: int


@dataclass(frozen=True, slots=True)
class Inspection:
    """Result of one detector. ``at_least`` is the mildest decision for its findings, whatever their score."""

    state: DetectorState
    findings: tuple[Finding, ...] = ()
    at_least: Decision = Decision.ALLOW


class Detector(Protocol):
    """Reads a conversation. Any exception makes the screening unavailable, and never passes the text."""

    def inspect(self, conversation: tuple[ScreenedMessage, ...], policy: ScreeningPolicy) -> Inspection:
        """Judge the messages. Pure: no clock, no I/O."""
        ...


def pair(
    messages: tuple[Message, ...], originals: tuple[Message, ...], policy: ScreeningPolicy
) -> tuple[ScreenedMessage, ...]:
    """Pair sanitised messages with the originals, normalised as far as the policy permits.

    The application's own system messages don't count against the limit of the others: each is read to the limit.

    Raises:
        ValueError: their numbers differ.
    """
    left = policy.max_scanned_chars
    conversation: list[ScreenedMessage] = []
    for index, (message, original) in enumerate(zip(messages, originals, strict=True)):
        limit = policy.max_scanned_chars if message.role is Speaker.SYSTEM else left
        sent = original.content
        normalised = normalise(sent[:limit], policy.removed_characters)
        scanned = min(limit, len(sent))
        conversation.append(ScreenedMessage(index, message.text_kind, message.content, sent, normalised, scanned))
        if message.role is not Speaker.SYSTEM:
            left -= scanned
    return tuple(conversation)
