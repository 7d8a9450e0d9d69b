"""Invariants of every sequence of requests: rates and budgets are never passed."""

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.budgets.values import Rate
from tests.doubles.quota import Budget, reserve, settle
from tests.doubles.rates import take

RATES = st.builds(Rate, st.integers(1, 20), st.integers(1, 120))
PAUSES = st.lists(st.one_of(st.just(0.0), st.floats(0, 2), st.floats(0, 300)), min_size=1, max_size=80)


@settings(max_examples=300, deadline=None)
@given(RATES, PAUSES, st.floats(0, 2e9))
def test_no_span_sees_more_than_the_burst_and_what_comes_free_in_it(rate: Rate, pauses: list[float], start: float):
    now, tat = start, None
    passed: list[float] = []
    for pause in pauses:
        now += pause
        tat, decision = take(tat, now, rate)
        if decision.allowed:
            passed.append(now)
    for first, begin in enumerate(passed):
        for last in range(first, len(passed)):
            span = Fraction(passed[last]) - Fraction(begin) + Fraction(1, 1000)
            assert last - first + 1 <= rate.limit + span * rate.limit / rate.window_seconds


@settings(max_examples=200, deadline=None)
@given(RATES, st.integers(1, 60), st.floats(0, 2e9))
def test_at_one_moment_exactly_the_limit_passes(rate: Rate, requests: int, now: float):
    tat, passed = None, 0
    for _ in range(requests):
        tat, decision = take(tat, now, rate)
        passed += decision.allowed
        assert decision.remaining == max(0, rate.limit - passed)
    assert passed == min(requests, rate.limit)


@settings(max_examples=200, deadline=None)
@given(RATES, PAUSES, st.floats(0, 2e9))
def test_whoever_waits_as_long_as_told_passes(rate: Rate, pauses: list[float], start: float):
    now, tat = start, None
    for pause in pauses:
        now += pause
        tat, decision = take(tat, now, rate)
        assert decision.reset_after >= 0
        if not decision.allowed:
            assert 0 < decision.retry_after <= rate.window_seconds + 1e-3
            assert take(tat, now + decision.retry_after, rate)[1].allowed


STEPS = st.lists(st.tuples(st.booleans(), st.integers(0, 500), st.integers(0, 500)), max_size=60)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2000), STEPS)
def test_a_budget_is_never_overspent(limit: int, steps: list[tuple[bool, int, int]]):
    budget, held, spent = Budget(), list[int](), 0
    for asks, tokens, actual in steps:
        if asks or not held:
            after = reserve(budget, tokens, limit)
            assert (after is None) == (tokens > budget.left(limit))
            if after is not None:
                budget = after
                held.append(tokens)
        else:
            reserved = held.pop(0)
            used = min(actual, reserved)
            budget, spent = settle(budget, reserved, used), spent + used
        assert budget == Budget(spent, sum(held))
        assert budget.used + budget.reserved <= limit


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2000), st.integers(1, 500), st.integers(0, 5000))
def test_use_beyond_a_reservation_takes_away_the_next(limit: int, tokens: int, actual: int):
    budget = reserve(Budget(), tokens, limit)
    if budget is None:
        return
    after = settle(budget, tokens, actual)
    assert after == Budget(actual, 0)
    assert (reserve(after, 1, limit) is None) == (actual >= limit)
