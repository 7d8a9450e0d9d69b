"""One signed start is one admission, however often it is used or reset."""

import asyncio
from uuid import UUID

import pytest
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.testing import ActivityEnvironment

from activities.contracts.reconciliation import Settled, Suspect, Suspects
from activities.inference.invoke import CALLS_A_MODEL
from activities.inference.validate import ValidationActivities
from activities.reconciliation.sweep import AbandonedActivities
from adapters.system.clock import SystemClock
from adapters.temporal.runs import TemporalRuns
from domain.refusals import Kind
from services.access import role_access
from services.policies.parsed import Policies
from tests.doubles.clock import FixedClock
from tests.doubles.gaps import MemoryGaps
from tests.replay.bench import RecordingBench, keyring
from tests.replay.branches import away, flawed
from tests.security.starts.attacker import CarelessLedger, ForgetfulLedger, Scene, end, points, scene

TIMES = 20
NO_RUN = str(UUID(int=1))
ADOPTED = Kind.ALREADY_RECORDED.value
AGAIN = {"id_reuse_policy": WorkflowIDReusePolicy.ALLOW_DUPLICATE}
INSTEAD = {"id_conflict_policy": WorkflowIDConflictPolicy.TERMINATE_EXISTING}


def sweep(made: Scene) -> AbandonedActivities:
    """The reconciliation sweep over the scene's stores."""
    bench, runs, clock = made.bench, TemporalRuns(made.bench.client), SystemClock()
    stores = (keyring(), Policies(bench.policies), bench.identity, bench.teams, role_access())
    validation = ValidationActivities(*stores, runs, clock)
    return AbandonedActivities(runs, MemoryGaps(bench.ledger), bench.ledger, validation, clock)


@pytest.mark.parametrize(("wrong", "calls"), [(True, TIMES), (False, 1)], ids=["wrong variant", "as it is"])
async def test_a_start_that_is_used_again_calls_the_model_once(bench: RecordingBench, wrong: bool, calls: int):
    async with scene(bench, ForgetfulLedger(FixedClock()) if wrong else None) as made:
        start = await made.start()
        ends = [await end(await start.use(**AGAIN)) for _ in range(TIMES)]
        assert made.calls == calls
        if not wrong:
            assert ends == [("completed", None)] + [("completed", ADOPTED)] * (TIMES - 1)
            assert made.outcomes() == [("acme", "admitted", None), ("acme", "completed", None)]


async def test_an_id_that_was_denied_stays_denied_and_is_recorded_once(bench: RecordingBench):
    async with scene(bench) as made:
        first, second = await made.start(roles=("auditor",)), await made.start()
        assert await end(await first.use()) == ("refused", "forbidden")
        allowed = await made.start(workflow_id=first.workflow_id)  # as after a change of roles or policy
        for start in (first, allowed):
            assert await end(await start.use(**AGAIN)) == ("refused", ADOPTED)
        assert await end(await second.use()) == ("completed", None)
        assert made.outcomes()[0] == ("acme", "refused", "forbidden")
        assert len(made.outcomes()) == 1 + 2


async def test_a_run_that_is_replaced_in_flight_is_not_admitted_again(bench: RecordingBench):
    async with scene(bench) as made:
        reached, start = made.hang(), await made.start()
        first = await start.use()
        await reached.wait()
        for _ in range(3):
            assert await end(await start.use(**INSTEAD)) == ("refused", Kind.ALREADY_ADMITTED.value)
        assert made.calls == 1
        assert made.outcomes()[1:] == [("acme", "refused", Kind.ALREADY_ADMITTED.value)] * 3
        held = Suspects((Suspect(start.workflow_id, str(first.run_id)),))
        assert await ActivityEnvironment().run(sweep(made).settle_runs, held) == Settled(1, 0)
        assert made.outcomes()[-1] == ("acme", "failed", "run-terminated")
        assert await end(await start.use(**AGAIN)) == ("failed", ADOPTED)
        assert {held.state for held in made.bench.ledger.reservations.values()} == {"settled"}  # its call had begun


@pytest.mark.parametrize("wrong", [True, False], ids=["wrong variant", "as it is"])
async def test_a_finished_run_that_is_reset_anywhere_calls_no_model(bench: RecordingBench, wrong: bool):
    async with scene(bench, CarelessLedger(FixedClock()) if wrong else None) as made:
        with flawed(made.bench, "admit", [away]):  # so that there is a point between its stages
            first = await (await made.start()).use()
            assert await end(first) == ("completed", None)
        recorded, where = made.outcomes(), await points(first)
        assert len(where) == 3
        ends = [await end(await made.reset(first, point)) for point in where]
        assert (made.calls > 1) == wrong
        if not wrong:
            assert ends == [("completed", ADOPTED), ("completed", ADOPTED), ("completed", None)]
            assert made.outcomes() == recorded


async def test_a_run_that_is_reset_in_flight_goes_on_under_its_admission(bench: RecordingBench):
    async with scene(bench) as made:
        with flawed(made.bench, "admit", [away]):
            reached, run = made.hang(), await (await made.start()).use()
            await reached.wait()
        where = (await points(run))[-1]
        assert await end(await made.reset(run, where)) == ("completed", None)
        assert made.outcomes() == [("acme", "admitted", None), ("acme", "completed", None)]
        [held] = made.bench.ledger.reservations.values()
        assert (held.state, held.calls, made.calls) == ("settled", 2, 2), "the lost attempt counts"


async def test_resets_in_flight_have_an_end(bench: RecordingBench):
    async with scene(bench) as made:
        with flawed(made.bench, "admit", [away]):
            reached, run = made.hang(), await (await made.start()).use()
            await reached.wait()
        where = (await points(run))[-1]
        for _ in range(CALLS_A_MODEL - 1):
            reached = made.hang()
            run = await made.reset(run, where)
            await reached.wait()
        made.hang()
        assert await end(await made.reset(run, where)) == ("failed", Kind.NOT_ADMITTED.value)
        assert made.calls == CALLS_A_MODEL
        assert made.outcomes()[-1] == ("acme", "failed", Kind.NOT_ADMITTED.value)


async def test_a_run_that_is_reset_in_flight_to_its_beginning_is_another_run(bench: RecordingBench):
    async with scene(bench) as made:
        reached, run = made.hang(), await (await made.start()).use()
        await reached.wait()
        assert await end(await made.reset(run, (await points(run))[0])) == ("refused", Kind.ALREADY_ADMITTED.value)
        assert made.calls == 1


async def test_the_sweep_records_nothing_for_a_run_that_adopted_an_outcome(bench: RecordingBench):
    async with scene(bench) as made:
        start = await made.start()
        runs = [await start.use()]
        await end(runs[0])
        runs.append(await start.use(**AGAIN))
        assert await end(runs[1]) == ("completed", ADOPTED)
        before = made.outcomes()
        suspects = Suspects(tuple(Suspect(start.workflow_id, str(run.run_id)) for run in runs))
        assert await ActivityEnvironment().run(sweep(made).settle_runs, suspects) == Settled(0, 0)
        assert made.outcomes() == before


async def test_a_forged_suspect_writes_nothing_into_another_tenants_log(bench: RecordingBench):
    async with scene(bench) as made:
        reached, start = made.hang(), await made.start()
        run = await start.use()
        await reached.wait()
        [reservation] = made.bench.ledger.reservations
        strange = await (await made.start()).use()
        await end(strange)
        before = made.outcomes()
        for forged in (
            Suspect(start.workflow_id, str(run.run_id), str(reservation), "globex", "f" * 32),
            Suspect(start.workflow_id, NO_RUN, str(reservation), "acme", "f" * 32),
            Suspect("inf.globex.x", NO_RUN, str(reservation), "globex", "f" * 32),
            Suspect("inf.globex.x", NO_RUN, str(UUID(int=7)), "globex", "f" * 32),
            Suspect(strange.id, str(strange.run_id), "no UUID", "globex", "f" * 32),
        ):
            assert await ActivityEnvironment().run(sweep(made).settle_runs, Suspects((forged,))) == Settled(0, 0)
        assert made.outcomes() == before
        assert made.bench.ledger.reservations[reservation].state == "held"


async def test_twenty_starts_at_once_are_admitted_once(bench: RecordingBench):
    async with scene(bench) as made:
        start = await made.start()

        async def use() -> tuple[str, str | None]:
            return await end(await start.use(**AGAIN, **INSTEAD))

        await asyncio.gather(*(use() for _ in range(TIMES)), return_exceptions=True)
        assert [kind for _, kind, _ in made.outcomes()].count("admitted") == 1
        assert made.calls <= 1
