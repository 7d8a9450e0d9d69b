"""A sweep's steps follow each other: no page skipped, no other run examined, no end before the last page."""

from dataclasses import replace

import pytest

from activities.contracts.reconciliation import (
    ClosedSuspects,
    HeldSuspects,
    Settled,
    Suspect,
    Suspects,
    SweepMark,
    SweepStart,
    SweepState,
)
from activities.proofs.claims import Claims, InvalidProof
from activities.proofs.sweep import ANY_RUN, facts_of_step, require_step
from services.refusals.stage_refusals import RefusedStage, StageRefusals
from tests.doubles.clock import FixedClock
from tests.doubles.ledger import MemoryLedger

BEGAN = SweepState(1_000, 500)
FOUND = (Suspect("inf.acme." + "a" * 32, "run"),)


def after(given: object, made: object, known: Claims) -> Claims:
    return Claims(ANY_RUN, facts_of_step(given, made, known))


@pytest.fixture
def begun() -> Claims:
    return after(SweepStart(1_000), BEGAN, Claims(ANY_RUN))


def test_a_sweep_goes_from_page_to_page_to_its_end(begun: Claims):
    require_step(replace(BEGAN, recorded=7, pages=3), begun)  # counts are not proven: they are shown, no more
    found = after(BEGAN, ClosedSuspects(FOUND, None), begun)
    require_step(Suspects(FOUND), found)
    settled = after(Suspects(FOUND), Settled(1, 0), found)
    look = replace(BEGAN, page=None)
    require_step(look, settled)
    ended = after(look, HeldSuspects((), None), settled)
    require_step(SweepStart(1_000), ended)
    assert facts_of_step(SweepStart(1_000), SweepMark(1_000), ended) == {}


@pytest.mark.parametrize(
    "change",
    [{"began_ms": 2_000}, {"since_ms": 900}, {"since_ms": None}, {"page": "x"}, {"page": None}, {"after": None}],
)
def test_no_step_is_run_at_another_position(begun: Claims, change: dict[str, object]):
    with pytest.raises(InvalidProof):
        require_step(replace(BEGAN, **change), begun)


def test_runs_that_were_found_can_neither_be_skipped_nor_replaced(begun: Claims):
    found = after(BEGAN, ClosedSuspects(FOUND, None), begun)
    for forged in (Suspects(()), Suspects((replace(FOUND[0], tenant="other"),)), replace(BEGAN, page=None)):
        with pytest.raises(InvalidProof):
            require_step(forged, found)


@pytest.mark.parametrize("at", [999, 1_000, 1_001])
def test_a_sweep_does_not_end_early(begun: Claims, at: int):
    with pytest.raises(InvalidProof):
        require_step(SweepStart(at), begun)
    ended = after(replace(BEGAN, page=None), HeldSuspects((), None), begun)
    if at != 1_000:
        with pytest.raises(InvalidProof):
            require_step(SweepStart(at), ended)


async def test_refused_stages_beyond_some_are_counted_and_the_count_is_recorded_when_the_process_stops():
    ledger = MemoryLedger(FixedClock())
    refusals = StageRefusals(ledger, FixedClock())
    for at in range(50):
        await refusals.record(RefusedStage("end_look", "a workflow", "run", str(at)))
    assert len(ledger.records) == 20
    await refusals.drain()
    assert [record.fields.count for record in ledger.records.values() if hasattr(record.fields, "count")] == [30]
