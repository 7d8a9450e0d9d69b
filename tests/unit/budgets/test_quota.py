"""The mathematics of budgets: reserve, settle, and whose day it is."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from domain.budgets.values import QuotaState
from tests.doubles.quota import Budget, day_of, reserve, settle, state


def test_what_fits_is_reserved():
    assert reserve(Budget(used=40, reserved=10), 50, 100) == Budget(used=40, reserved=60)


@pytest.mark.parametrize(
    ("used", "reserved", "tokens"), [(0, 0, 101), (100, 0, 1), (50, 50, 1), (150, 0, 1), (99, 0, 2)]
)
def test_what_does_not_fit_whole_is_not_reserved(used: int, reserved: int, tokens: int):
    assert reserve(Budget(used, reserved), tokens, 100) is None


def test_a_limit_of_nothing_lets_nothing_pass():
    assert reserve(Budget(), 1, 0) is None


@pytest.mark.parametrize(
    ("actual", "after"), [(0, Budget(5, 0)), (12, Budget(17, 0)), (20, Budget(25, 0)), (30, Budget(35, 0))]
)
def test_a_reservation_becomes_what_was_used(actual: int, after: Budget):
    assert settle(Budget(used=5, reserved=20), 20, actual) == after


@pytest.mark.parametrize(("reserved", "actual"), [(21, 0), (-1, 0), (5, -1)])
def test_what_was_not_reserved_can_not_be_settled(reserved: int, actual: int):
    with pytest.raises(ValueError, match="reserved"):
        settle(Budget(used=5, reserved=20), reserved, actual)


def test_a_negative_reservation_is_an_error():
    with pytest.raises(ValueError, match="negative"):
        reserve(Budget(), -1, 100)


def test_days_are_utc():
    assert day_of(datetime(2026, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=2)))) == date(2025, 12, 31)


def test_the_state_counts_down_to_midnight_utc():
    now = datetime(2026, 1, 1, 23, 59, 30, tzinfo=UTC)
    assert state(Budget(7, 3), 100, now) == QuotaState(limit=100, used=7, reserved=3, resets_in=30.0)
    assert Budget(7, 3).left(100) == 90
    assert Budget(120, 3).left(100) == 0
