"""Budgets of tokens per caller and UTC day: reserve the most that a run may use, settle what it did use.

A reservation belongs to the day it was made, and is settled against that day.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from domain.budgets.values import QuotaState


@dataclass(frozen=True, slots=True)
class Budget:
    """A caller's day so far, in tokens: ``used`` by settled runs, ``reserved`` by runs that are not settled yet."""

    used: int = 0
    reserved: int = 0

    def left(self, daily_limit: int) -> int:
        """Tokens that can still be reserved."""
        return max(0, daily_limit - self.used - self.reserved)


def reserve(budget: Budget, tokens: int, daily_limit: int) -> Budget | None:
    """The budget with ``tokens`` reserved, or None where they don't fit whole.

    Raises:
        ValueError: a negative number of tokens.
    """
    if tokens < 0:
        raise ValueError("tokens to reserve must not be negative")
    if tokens > budget.left(daily_limit):
        return None
    return Budget(budget.used, budget.reserved + tokens)


def settle(budget: Budget, reserved: int, actual: int) -> Budget:
    """The budget with a reservation replaced by what was used; 0 refunds it.

    Use beyond the reservation is charged in full, so it may pass the day's limit: the tokens are gone, and what it
    takes away is the next reservation.

    Raises:
        ValueError: a negative number, or more than is reserved.
    """
    if actual < 0 or not 0 <= reserved <= budget.reserved:
        raise ValueError("only what is reserved can be settled, to no less than 0")
    return Budget(budget.used + actual, budget.reserved - reserved)


def day_of(now: datetime) -> date:
    """The UTC day that a moment (aware) belongs to."""
    return now.astimezone(UTC).date()


def state(budget: Budget, daily_limit: int, now: datetime) -> QuotaState:
    """The budget as it is shown, with the seconds to the next UTC midnight."""
    midnight = datetime.combine(day_of(now) + timedelta(days=1), datetime.min.time(), UTC)
    return QuotaState(daily_limit, budget.used, budget.reserved, (midnight - now).total_seconds())
