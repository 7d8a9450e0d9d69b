"""Attempts at models whose answers were lost: a budget is charged for what may have been paid."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from domain.inference.models import Usage

CALLS_A_MODEL: Final = 8
"""Most calls of a run for each of its model and the fallbacks: four attempts, and some that are lost or handed over."""


@dataclass(frozen=True, slots=True)
class LostAttempts:
    """Count and tokens of attempts that may have been paid for and gave no answer.

    Attributes:
        attempts: all of them.
        unreported: those whose usage the provider did not report.
        tokens: of the others.
    """

    attempts: int = 0
    unreported: int = 0
    tokens: int = 0

    def one_more(self, usage: Usage | None = None) -> "LostAttempts":
        """Add an attempt with its reported usage, if there is any."""
        if usage is None:
            return LostAttempts(self.attempts + 1, self.unreported + 1, self.tokens)
        return LostAttempts(self.attempts + 1, self.unreported, self.tokens + usage.total)

    def plus(self, other: "LostAttempts") -> "LostAttempts":
        """Add the attempts of another call."""
        return LostAttempts(
            self.attempts + other.attempts, self.unreported + other.unreported, self.tokens + other.tokens
        )

    def settled(self, bound: int) -> "LostAttempts":
        """Return the attempts with the tokens to be charged: ``bound`` for each without a report."""
        return LostAttempts(self.attempts, 0, self.tokens + self.unreported * bound)


def lost_attempts_of(value: object) -> LostAttempts:
    """Return lost attempts from decoded JSON; none from a value that failed authentication."""
    if not isinstance(value, Mapping):
        return LostAttempts()
    counts = [value.get(name, 0) for name in ("attempts", "unreported", "tokens")]
    if not all(type(count) is int and count >= 0 for count in counts):
        return LostAttempts()
    return LostAttempts(*counts)
