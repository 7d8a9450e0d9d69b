"""The archiver's workflow over a scripted archiver, on Temporal's time-skipping server."""

from collections.abc import AsyncIterator
from datetime import date
from uuid import uuid4

import pytest

from activities.contracts.archive import ARCHIVE_MONTHS, MonthDone, MonthsDone
from config.settings import Settings
from domain.refusals import Kind, Refusal
from domain.transparency.archive import ArchiveInvalid, MonthReport, month_name
from worker.archiver import TASK_QUEUE, build_archiver
from workflows.timing import ARCHIVE_RUN


class ScriptedArchiver:
    """A ``MonthArchiver`` that does for each month what it is told, attempt by attempt, then archives it."""

    def __init__(self) -> None:
        self.script: dict[date, list[Exception | MonthReport]] = {}
        self.asked: list[date] = []

    async def due(self) -> list[date]:
        return [*self.script]

    async def archive(self, month: date) -> MonthReport:
        self.asked.append(month)
        step = (
            self.script[month].pop(0) if self.script[month] else MonthReport(month_name(month), "archived", ("a",), 3)
        )
        if isinstance(step, Exception):
            raise step
        return step


@pytest.fixture
async def archiver(environment) -> AsyncIterator[ScriptedArchiver]:
    env, _ = environment
    scripted = ScriptedArchiver()
    async with build_archiver(env.client, Settings(), scripted):
        yield scripted


async def run(environment) -> tuple[MonthDone, ...]:
    env, _ = environment
    done = await env.client.execute_workflow(
        ARCHIVE_MONTHS,
        id=f"archive-{uuid4()}",
        task_queue=TASK_QUEUE,
        execution_timeout=ARCHIVE_RUN,
        result_type=MonthsDone,
    )
    return done.months


JANUARY, FEBRUARY, MARCH = (date(2001, month, 1) for month in (1, 2, 3))


async def test_months_go_one_after_the_other(environment, archiver: ScriptedArchiver):
    archiver.script = {JANUARY: [], FEBRUARY: []}
    assert await run(environment) == (
        MonthDone("2001-01", "archived", ("a",), 3),
        MonthDone("2001-02", "archived", ("a",), 3),
    )
    assert archiver.asked == [JANUARY, FEBRUARY]


async def test_nothing_is_due(environment, archiver: ScriptedArchiver):
    assert await run(environment) == ()


async def test_a_store_that_is_away_is_waited_for(environment, archiver: ScriptedArchiver):
    archiver.script = {JANUARY: [Refusal(Kind.STORE_UNAVAILABLE, "away")] * 5}
    assert [done.state for done in await run(environment)] == ["archived"]
    assert archiver.asked == [JANUARY] * 6


async def test_one_that_does_not_hold_keeps_no_other(environment, archiver: ScriptedArchiver):
    archiver.script = {
        JANUARY: [ArchiveInvalid("the file: its SHA-256 differs from the one in its manifest")],
        FEBRUARY: [MonthReport("2001-02", "kept", reason="a legal hold of the tenant acme needs records of 2001-02")],
        MARCH: [],
    }
    done = await run(environment)
    assert [(one.state, one.reason) for one in done] == [
        ("failed", "the file: its SHA-256 differs from the one in its manifest"),
        ("kept", "a legal hold of the tenant acme needs records of 2001-02"),
        ("archived", None),
    ]
    assert archiver.asked == [JANUARY, FEBRUARY, MARCH], "nothing is tried again"


async def test_one_whose_store_stays_away_keeps_no_other(environment, archiver: ScriptedArchiver):
    archiver.script = {JANUARY: [Refusal(Kind.STORE_UNAVAILABLE, "away")] * 10_000, FEBRUARY: []}
    january, february = await run(environment)
    assert (january.state, january.reason) == ("failed", "a server was unavailable for too long")
    assert february.state == "archived"
