"""What a detector is: it reads a conversation and tells what it found, and whether it could read. The seam for more.

A new detector is a class with ``inspect`` and a name in ``domain/screening.py``; the policy says which of them run.
"""

from dataclasses import dataclass
from typing import Protocol

from domain.requests import Message, Speaker
from domain.screening_policy import ScreeningPolicy
from domain.verdicts import Decision, DetectorState, Finding

NOT_SCANNED = "not_scanned"
"""The rule that names text beyond what a detector reads."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A message as the model will see it, beside what was sent. ``index`` is its place in the request."""

    index: int
    role: Speaker
    text: str
    original: str


@dataclass(frozen=True, slots=True)
class Inspection:
    """What one detector says. ``at_least`` is the mildest decision that its findings allow, whatever their score."""

    state: DetectorState
    findings: tuple[Finding, ...] = ()
    at_least: Decision = Decision.ALLOW


class Detector(Protocol):
    """Reads a conversation. It may raise anything: that makes the screening unavailable, never a pass."""

    def inspect(self, conversation: tuple[Exchange, ...], policy: ScreeningPolicy) -> Inspection:
        """Judge the messages. Pure: no clock, no I/O."""
        ...


def pair(messages: tuple[Message, ...], originals: tuple[Message, ...]) -> tuple[Exchange, ...]:
    """Sanitised messages beside the originals.

    Raises:
        ValueError: they are not as many.
    """
    return tuple(
        Exchange(index, message.role, message.content, original.content)
        for index, (message, original) in enumerate(zip(messages, originals, strict=True))
    )
