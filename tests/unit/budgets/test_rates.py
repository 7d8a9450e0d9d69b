"""Rates by GCRA, on a clock that is an argument."""

import pytest

from domain.budgets.values import Rate, RateDecision
from tests.doubles.rates import take

RATE = Rate(limit=3, window_seconds=60)
NOW = 1_700_000_000.0


def _spend(rate: Rate, times: list[float]) -> list[RateDecision]:
    tat, decisions = None, []
    for at in times:
        tat, decision = take(tat, at, rate)
        decisions.append(decision)
    return decisions


def test_the_first_request_passes():
    tat, decision = take(None, NOW, RATE)
    assert tat == NOW + 20
    assert decision == RateDecision(allowed=True, remaining=2, retry_after=0.0, reset_after=20.0)


def test_all_of_them_may_come_at_once_and_no_more():
    decisions = _spend(RATE, [NOW] * 4)
    assert [decision.allowed for decision in decisions] == [True, True, True, False]
    assert [decision.remaining for decision in decisions] == [2, 1, 0, 0]
    assert decisions[3].retry_after == pytest.approx(20)
    assert decisions[3].reset_after == pytest.approx(60)


def test_one_comes_free_in_each_interval():
    decisions = _spend(RATE, [NOW, NOW, NOW, NOW + 19.9, NOW + 20, NOW + 20])
    assert [decision.allowed for decision in decisions] == [True, True, True, False, True, False]


def test_waiting_as_long_as_told_is_enough():
    *_, refused = _spend(RATE, [NOW, NOW, NOW, NOW + 7.3])
    assert _spend(RATE, [NOW, NOW, NOW, NOW + 7.3 + refused.retry_after])[-1].allowed


def test_a_refused_request_spends_nothing():
    tat = None
    for _ in range(3):
        tat, _decision = take(tat, NOW, RATE)
    for _ in range(10):
        after, decision = take(tat, NOW + 1, RATE)
        assert not decision.allowed
        assert after == tat


def test_a_long_pause_saves_up_no_more_than_the_limit():
    decisions = _spend(RATE, [NOW, *[NOW + 10_000] * 4])
    assert [decision.allowed for decision in decisions[1:]] == [True, True, True, False]


def test_a_clock_that_steps_back_gives_nothing_away():
    decisions = _spend(RATE, [NOW, NOW, NOW, NOW - 30])
    assert not decisions[-1].allowed
    assert decisions[-1].retry_after == pytest.approx(50)


def test_a_limit_of_one():
    assert [d.allowed for d in _spend(Rate(1, 10), [NOW, NOW + 9.99, NOW + 10])] == [True, False, True]
