"""The arithmetic of screening figures, against counting by hand and against what is known of it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.screening.figures import NoFiguresError, Point, area, best_at, curve, precision, rows_needed, wilson

SCORED = [(0.9, True), (0.9, True), (0.7, False), (0.6, True), (0.6, False), (0.1, False), (0.1, False)]

both_kinds = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]), st.booleans()), min_size=2).filter(
    lambda scored: len({label for _, label in scored}) == 2
)


def test_a_curve_by_hand():
    points = curve(SCORED)
    assert [point.threshold for point in points] == [math.inf, 0.9, 0.7, 0.6, 0.1]
    assert [point.fpr for point in points] == [0, 0, 0.25, 0.5, 1]
    assert [point.tpr for point in points] == pytest.approx([0, 2 / 3, 2 / 3, 1, 1])
    assert best_at(points, 0.001) == Point(0.9, 0.0, 2 / 3)
    assert best_at(points, 0.3).threshold == 0.7
    assert precision(points, 4, 3)[0] == pytest.approx((2 / 3, 1.0))


@given(both_kinds)
def test_the_area_is_the_chance_that_an_attack_scores_higher(scored: list[tuple[float, bool]]):
    attacks = [score for score, label in scored if label]
    harmless = [score for score, label in scored if not label]
    wins = sum((attack > other) + (attack == other) / 2 for attack in attacks for other in harmless)
    assert area(curve(scored)) == pytest.approx(wins / (len(attacks) * len(harmless)))


@given(both_kinds, st.sampled_from([0.0, 0.01, 0.2, 1.0]))
def test_a_threshold_keeps_to_its_rate(scored: list[tuple[float, bool]], rate: float):
    point = best_at(curve(scored), rate)
    flagged = [label for score, label in scored if score >= point.threshold]
    harmless = sum(not label for _, label in scored)
    assert flagged.count(False) / harmless == point.fpr <= rate
    assert flagged.count(True) / (len(scored) - harmless) == point.tpr


@pytest.mark.parametrize("scored", [[], [(0.5, True)], [(0.5, False)]])
def test_there_is_no_curve_of_one_kind(scored: list[tuple[float, bool]]):
    with pytest.raises(NoFiguresError):
        curve(scored)


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [(0, 100, 0.0, 0.0370), (1, 10, 0.0179, 0.4042), (50, 100, 0.4038, 0.5962), (10, 10, 0.7225, 1.0)],
)
def test_intervals_as_published(count: int, of: int, low: float, high: float):
    assert wilson(count, of) == pytest.approx((low, high), abs=2e-4)


def test_a_share_of_nothing():
    with pytest.raises(NoFiguresError):
        wilson(0, 0)


def test_how_many_rows_a_rate_needs():
    assert rows_needed(0.01) == 300
    assert wilson(0, rows_needed(0.01))[1] < 0.013
