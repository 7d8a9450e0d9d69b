"""However refusals come, each is recorded or counted once, and their volume is bounded."""

from collections import Counter
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.records.floods import OTHER, Alike, Windows
from tests.doubles.clock import START

KINDS = st.integers(0, 6).map(lambda number: Alike("system", f"kind-{number}", "/v1/inferences", 401, None))
STEPS = st.one_of(st.floats(0, 90), st.floats(-120, 0))  # clocks are set back, too
EVENTS = st.lists(st.tuples(KINDS, STEPS, st.booleans()), max_size=300)
SMALL = st.integers(1, 4)


@given(EVENTS, SMALL, SMALL)
def test_what_is_offered_is_recorded_or_counted_once(events, singles, most):
    windows, now = Windows(singles, most=most), START
    offered, accounted = Counter(), Counter()
    summaries = []
    for alike, step, collect in events:
        now += timedelta(seconds=step)
        offered[alike] += 1
        accounted[alike] += windows.offer(alike, now)
        if collect:
            summaries += windows.ended(now)
    summaries += windows.end_all()
    assert windows.end_all() == []
    assert all(summary.count > 0 for summary in summaries)
    for summary in summaries:
        accounted[summary.alike] += summary.count
    assert accounted.total() == offered.total()
    assert all(accounted[alike] <= offered[alike] for alike in offered)
    assert accounted[OTHER] == sum(offered[alike] - accounted[alike] for alike in offered)


@given(EVENTS, SMALL, SMALL)
def test_records_of_a_minute_are_bounded_whatever_comes(events, singles, most):
    windows = Windows(singles, most=most)
    recorded = sum(windows.offer(alike, START) for alike, _, _ in events)
    summaries = windows.end_all()
    assert recorded <= most * singles
    assert len(summaries) <= most + 1


@given(st.lists(st.floats(0, 59.9), min_size=1, max_size=50), SMALL)
def test_a_summary_tells_the_first_and_the_last_time_that_it_counts(offsets, singles):
    windows, alike = Windows(singles), Alike("acme", "forbidden", "/ai/predict", 403, "c" * 32)
    times = [START + timedelta(seconds=offset) for offset in sorted(offsets)]
    counted = [time for time in times if not windows.offer(alike, time)]
    assert len(times) - len(counted) == min(singles, len(times))
    assert windows.ended(times[-1]) == []
    found = windows.ended(START + timedelta(seconds=180))
    assert [(each.count, each.first_at, each.last_at) for each in found] == (
        [(len(counted), counted[0], counted[-1])] if counted else []
    )
