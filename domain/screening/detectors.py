"""What a detector is: it reads a conversation and tells what it found, and whether it could read. The seam for more.

A new detector is a class with ``inspect`` and a name in ``domain/screening/screen.py``; the policy says which of
them run.
"""

from dataclasses import dataclass
from typing import Protocol

from domain.inference.requests import Message, Speaker, TextKind
from domain.screening.policy import ScreeningPolicy
from domain.screening.verdicts import NOT_SCANNED, Decision, DetectorState, Finding
from domain.text.normalise.pipeline import Normalised, normalise

__all__ = ["NOT_SCANNED", "ONNX", "SLOW", "Detector", "Inspection", "ScreenedMessage", "pair"]

ONNX = "onnx"
"""The detector that runs a model of the operator's: ``adapters/screening/onnx.py``."""
SLOW = frozenset({ONNX})
"""Detectors that take tens of milliseconds: not to be run where others wait for it."""


@dataclass(frozen=True, slots=True)
class ScreenedMessage:
    """A message as it was sent, as the model will see it, and as detectors read it.

    Attributes:
        index: its place in the request.
        kind: what the text is.
        text: what the model will see, sanitised.
        original: what was sent.
        normalised: what detectors read: the view of the first ``scanned`` code points of the original.
        scanned: code points of the original that were read.
    """

    index: int
    kind: TextKind
    text: str
    original: str
    normalised: Normalised
    scanned: int


@dataclass(frozen=True, slots=True)
class Inspection:
    """What one detector says. ``at_least`` is the mildest decision that its findings allow, whatever their score."""

    state: DetectorState
    findings: tuple[Finding, ...] = ()
    at_least: Decision = Decision.ALLOW


class Detector(Protocol):
    """Reads a conversation. It may raise anything: that makes the screening unavailable, never a pass."""

    def inspect(self, conversation: tuple[ScreenedMessage, ...], policy: ScreeningPolicy) -> Inspection:
        """Judge the messages. Pure: no clock, no I/O."""
        ...


def pair(
    messages: tuple[Message, ...], originals: tuple[Message, ...], policy: ScreeningPolicy
) -> tuple[ScreenedMessage, ...]:
    """Sanitised messages beside the originals, normalised as far as the policy has them read.

    The application's own system messages don't use up what is read of the others: each is read to the limit.

    Raises:
        ValueError: they are not as many.
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
