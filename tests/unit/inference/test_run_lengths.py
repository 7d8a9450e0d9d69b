"""Everything that has to outlast a run does, whatever a policy allows."""

import re
from datetime import timedelta

import pytest

from activities.reconciliation.sweep import SWEEP_PATIENCE
from assay_temporal import starts
from domain.inference.run_lengths import LONGEST_MODEL_CALL, MODELS_TOTAL, RUN_TOTAL, all_attempts, ids_kept, outlasts
from domain.policy import models
from tests.paths import ROOT
from workflows import timing

DAY = timedelta(days=1)
LEAST_RETENTION = DAY  # Temporal keeps closed runs for a day at least
FLOOR = re.compile(r"age_seconds < (\d+) \* 86400")
IDS = re.compile(r"make_interval\(secs => age_seconds\) < interval '(\d+) days'")
ARCHIVE = re.compile(r"clock_timestamp\(\) - interval '(\d+) days'")


def longest_run() -> timedelta:
    """A stage that waits for a store, every model that a policy allows, and the closing that waits again."""
    return timing.PATIENT_TOTAL + MODELS_TOTAL + timing.PATIENT_TOTAL


def days_in(pattern: re.Pattern[str]) -> list[timedelta]:
    """Lengths in days in all migrations."""
    return [
        timedelta(days=int(days))
        for path in sorted((ROOT / "migrations").glob("*.sql"))
        for days in pattern.findall(path.read_text())
    ]


def test_the_schema_allows_the_longest_call_and_no_longer_one():
    assert models.LONGEST_MODEL_CALL is LONGEST_MODEL_CALL
    assert all_attempts(LONGEST_MODEL_CALL) <= MODELS_TOTAL
    assert timing.model_call(LONGEST_MODEL_CALL.total_seconds()).attempt > LONGEST_MODEL_CALL


@pytest.mark.parametrize("limit", [timing.RUN_TOTAL, starts.RUN_TOTAL], ids=["assay", "sdk"])
def test_a_run_is_not_cut_off_before_it_can_end(limit: timedelta):
    assert longest_run() <= limit == RUN_TOTAL


def test_the_sweep_leaves_a_run_alone_that_waits_for_the_longest_call():
    assert SWEEP_PATIENCE > LONGEST_MODEL_CALL


@pytest.mark.parametrize("retention", [LEAST_RETENTION, 7 * DAY])
def test_nothing_is_purged_that_a_run_or_its_history_may_need(retention: timedelta):
    assert outlasts(retention) >= longest_run() + retention + DAY


def test_postgresql_refuses_to_remove_what_a_run_may_need():
    floors = days_in(FLOOR)
    assert floors
    for floor in floors:
        assert longest_run() + LEAST_RETENTION <= floor <= outlasts(LEAST_RETENTION)


def test_no_month_is_archived_while_a_run_may_record_in_it():
    waits = days_in(ARCHIVE)
    assert waits
    assert min(waits) > outlasts(7 * DAY)


@pytest.mark.parametrize("retention", [LEAST_RETENTION, 7 * DAY, 90 * DAY])
def test_a_workflow_id_is_kept_while_its_history_may_be_reset_and_its_record_is_in_a_table(retention: timedelta):
    floors = days_in(IDS)  # of admitted IDs, and of what is kept by them
    assert min(floors) >= max(days_in(ARCHIVE))
    assert ids_kept(retention) >= max(*floors, outlasts(retention))
