"""Windows of refusals: which are recorded one by one, and when the count of the others is told."""

from datetime import timedelta

import pytest

from domain.records.floods import OTHER, Alike, Summary, Windows
from tests.doubles.clock import START

MISSING = Alike("system", "missing-token", "/v1/inferences", 401, None)


def after(seconds: float):
    return START + timedelta(seconds=seconds)


def test_the_first_are_recorded_and_the_rest_are_told_at_the_end_of_the_minute():
    windows = Windows(2)
    assert [windows.offer(MISSING, after(second)) for second in (0, 1, 2, 3, 59)] == [True, True, False, False, False]
    assert windows.ended(after(59.9)) == []
    assert windows.ended(after(60)) == [Summary(MISSING, 3, after(2), after(59))]
    assert windows.ended(after(60)) == []


def test_the_next_minute_begins_with_the_next_refusal_also_when_nobody_has_collected():
    windows = Windows(1)
    assert [windows.offer(MISSING, after(second)) for second in (0, 1, 61, 62)] == [True, False, True, False]
    assert windows.ended(after(62)) == [Summary(MISSING, 1, after(1), after(1))]
    assert windows.ended(after(121)) == [Summary(MISSING, 1, after(62), after(62))]


@pytest.mark.parametrize(
    "other",
    [
        MISSING._replace(tenant="acme"),
        MISSING._replace(refusal="invalid-token"),
        MISSING._replace(route="/ai/predict"),
        MISSING._replace(status=403),
        MISSING._replace(caller="c" * 32),
    ],
)
def test_what_differs_in_one_part_has_a_window_of_its_own(other):
    windows = Windows(1)
    assert windows.offer(MISSING, START)
    assert windows.offer(other, START)
    assert not windows.offer(MISSING, START)


def test_with_all_windows_taken_the_others_share_one_count():
    windows = Windows(1, most=1)
    assert windows.offer(MISSING, START)
    for number in range(5):
        assert not windows.offer(MISSING._replace(caller=str(number)), after(number))
    assert windows.ended(after(60)) == [Summary(OTHER, 5, after(0), after(4))]
    assert windows.offer(MISSING._replace(caller="9"), after(60)), "there is a free window again"


@pytest.mark.parametrize("bad", [{"singles": 0}, {"singles": 1, "most": 0}, {"singles": 1, "seconds": 0}])
def test_limits_below_one_are_refused(bad):
    with pytest.raises(ValueError, match="at least"):
        Windows(**bad)
