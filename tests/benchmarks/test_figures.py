"""The benchmark's arithmetic."""

import pytest

from benchmarks.gateway.figures.demands import DEMANDS, Demand, Side, judged
from benchmarks.gateway.measure import Plan, rotated
from benchmarks.gateway.memory import Sample, growth
from benchmarks.tools.cpu import CpuTimes
from benchmarks.tools.figures import NoFiguresError, Window, percentile, slope, summary


def window(*latencies_ms: float, seconds: float = 1.0, callers: int = 1, calls: float | None = None) -> Window:
    return Window(callers, seconds, latencies_ms, {"ours": sum(latencies_ms) / 10}, 0.0, calls)


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([5.0], 50, 5.0),
        ([5.0], 99, 5.0),
        ([4.0, 1.0, 3.0, 2.0], 50, 2.0),
        (list(range(1, 101)), 99, 99),
        (list(range(1, 201)), 99, 198),
        ([1.0, 2.0], 100, 2.0),
    ],
)
def test_a_percentile_is_a_value_that_was_measured(values: list[float], percent: float, expected: float) -> None:
    assert percentile(values, percent) == expected


def test_nothing_has_no_figures() -> None:
    with pytest.raises(NoFiguresError):
        percentile([], 50)
    with pytest.raises(NoFiguresError):
        summary([])
    with pytest.raises(NoFiguresError):
        slope([1.0], [1.0])


def test_a_summary_takes_medians_over_rounds_and_tells_the_spread() -> None:
    rounds = [window(10, 10), window(30, 30, seconds=4), window(20, 20, seconds=2)]
    found = summary(rounds)
    assert (found["p50_ms"], found["rps"], found["cpu_ms"]) == (20, 1, {"ours": 4})
    assert found["spread"]["p50_ms"] == [10, 30]
    assert found["spread"]["rps"] == [0.5, 2]
    assert found["p99_ms"] == 30  # of all requests together
    assert (found["requests"], found["rounds"]) == (2, 3)


def test_one_slow_round_does_not_move_the_medians() -> None:
    usual = [window(10, 11), window(10, 11)]
    assert summary([*usual, window(10, 11)])["p50_ms"] == summary([*usual, window(9000, 9000)])["p50_ms"]


def test_cpu_time_is_told_by_request_and_what_is_left_is_others() -> None:
    before = CpuTimes({"ours": 1.0, "temporal": 2.0}, machine=10.0, processors=2)
    after = CpuTimes({"ours": 1.5, "temporal": 2.25}, machine=12.0, processors=2)
    spent = after.since(before)
    assert spent.per_request_ms(100) == {"ours": 5.0, "temporal": 2.5}
    assert spent.foreign_share(2.0) == pytest.approx((2.0 - 0.75) / 4)


def test_ticks_of_the_clock_never_make_others_negative() -> None:
    spent = CpuTimes({"ours": 2.0}, machine=1.99, processors=2)
    assert spent.foreign_share(1.0) == 0


DEMANDED = Demand("x", "x over y", Side("x", 1, "p50_ms"), Side("y", 1, "p50_ms"), at_most=2.2)


@pytest.mark.parametrize(("upper", "holds"), [(21.0, True), (22.0, True), (22.1, False)])
def test_a_ratio_is_one_of_medians(upper: float, holds: bool) -> None:
    measured = {
        "x": {1: [window(upper), window(1.0), window(1000.0)]},
        "y": {1: [window(10.0), window(10.0), window(10.0)]},
    }
    found = DEMANDED.judge(measured)
    assert found is not None
    assert (found["ratio"], found["holds"]) == (pytest.approx(upper / 10), holds)
    assert found["by_round"] == [0.1, 100]


def test_a_ratio_without_a_side_is_not_told() -> None:
    assert DEMANDED.judge({"x": {1: [window(1.0)]}}) is None
    assert judged({}) == {}


def test_a_throughput_has_to_reach_its_part() -> None:
    [demand] = [demand for demand in DEMANDS if demand.name == "assay_to_bare_temporal_c16_rps"]
    slow, fast = window(1.0, seconds=2.5), window(1.0, seconds=1.0)
    for assay, holds in ((slow, True), (window(1.0, seconds=2.6), False)):
        found = demand.judge({"assay": {16: [assay]}, "bare_temporal": {16: [fast]}})
        assert found is not None
        assert found["holds"] is holds


def test_names_of_demands_are_distinct() -> None:
    assert len({demand.name for demand in DEMANDS}) == len(DEMANDS)


def test_each_round_begins_with_another_subject() -> None:
    subjects = ["a", "b", "c"]
    assert [rotated(subjects, index) for index in range(4)] == [  # type: ignore[type-var]
        ["a", "b", "c"],
        ["b", "c", "a"],
        ["c", "a", "b"],
        ["a", "b", "c"],
    ]
    assert rotated([], 3) == []


@pytest.mark.parametrize(
    ("callers", "share", "requests"), [(1, 1.0, 100), (16, 1.0, 200), (1, 0.1, 10), (16, 0.01, 16)]
)
def test_every_caller_has_at_least_one_request(callers: int, share: float, requests: int) -> None:
    load = Plan(100, 5, (0, 1)).load(callers, share)
    assert (load.callers, load.requests) == (callers, requests)


def test_growth_is_the_slope_after_the_first_part() -> None:
    filling = [Sample(count, 1_000_000 + 5_000 * count, 900_000) for count in range(0, 2000, 100)]
    steady = [Sample(count, 11_000_000 + 150 * count, 900_000 + 100 * count) for count in range(2000, 20_001, 100)]
    found = growth([*filling, *steady], skip=2000)
    assert (found["rss_bytes_per_request"], found["uss_bytes_per_request"], found["holds"]) == (150, 100, True)
    assert found["series"][0][0] < 2000 < found["series"][-1][0]
    leaking = [Sample(sample.requests, sample.rss + 60 * sample.requests, sample.uss) for sample in steady]
    assert growth([*filling, *leaking], skip=2000)["holds"] is False
