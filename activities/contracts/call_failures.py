"""Details of a failed or interrupted model call: what it may have cost, and whether to ask another model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final

from domain.inference.content import UNLESS_SET
from domain.inference.lost_attempts import LostAttempts, lost_attempts_of
from domain.inference.models import Usage

_LONGEST_DELAY: Final = 86_400 * 366


@dataclass(frozen=True)
class CallFailure:
    """Details of a failure of ``invoke_model``, and of its heartbeats. Encrypted in histories, as all details are.

    Attributes:
        lost: attempts without an answer so far; in a heartbeat with the current one.
        usage: of an answer that is a refusal.
        another: another model may be asked, although this one's failure is not a passing one.
        retry_after: the delay that the provider asked for, in seconds.
    """

    lost: LostAttempts | None = field(default=None, metadata=UNLESS_SET)
    usage: Usage | None = field(default=None, metadata=UNLESS_SET)
    another: bool = field(default=False, metadata=UNLESS_SET)
    retry_after: float | None = field(default=None, metadata=UNLESS_SET)

    @property
    def lost_attempts(self) -> LostAttempts:
        """Return the lost attempts; none if there were none."""
        return self.lost or LostAttempts()


def call_failure_of(details: Sequence[Any]) -> CallFailure:
    """Return the first details of this form, decoded from JSON; empty ones without any.

    Details that fail authentication are read as null, and an earlier release gave none.
    """
    for found in details:
        if isinstance(found, Mapping):
            lost, another = lost_attempts_of(found.get("lost")), found.get("another") is True
            return CallFailure(
                lost if lost.attempts else None, _usage(found.get("usage")), another, _delay(found.get("retry_after"))
            )
    return CallFailure()


def _delay(value: object) -> float | None:
    """Read a delay. One that no provider asks for is none: whoever reaches the queue can write any number."""
    return float(value) if isinstance(value, int | float) and 0 <= value <= _LONGEST_DELAY else None


def _usage(value: object) -> Usage | None:
    if not isinstance(value, Mapping):
        return None
    known = {member.name: value[member.name] for member in fields(Usage) if member.name in value}
    try:
        return Usage(**known)
    except TypeError:
        return None
