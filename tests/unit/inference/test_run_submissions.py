"""IDs of runs that requests share: derived, so that no row of the store leads to another request's run."""

from typing import Any, cast

import pytest

from domain.identity import RUN_ID, run_id
from domain.inference.submissions import AskedRun, Ending, RepeatSigns, TaggedRun
from domain.refusals import Kind, Refusal
from services.runs.submissions import MOST_RETRIES, RunSubmissions
from tests.doubles.keys import FixedIdentity


class Forged:
    """A store in which someone has written one row, which is found for every request."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.asked: list[AskedRun] = []

    async def begin(self, asked: AskedRun) -> TaggedRun:
        self.asked.append(asked)
        return TaggedRun(self.tag, asked.connection, joined=True)

    async def note(self, run: TaggedRun, ending: Ending | None) -> None:
        raise Refusal(Kind.STORE_UNAVAILABLE, "no answer")


def principal(tenant: str = "acme", caller: str = "c1") -> Any:
    return cast("Any", type("Caller", (), {"tenant": tenant, "caller": caller}))


async def test_a_row_leads_to_no_run_of_another_caller_body_or_policy():
    store = Forged("t")
    made = RunSubmissions(store, FixedIdentity(), lambda: "n")
    asked = [("acme", "c1", "p", "h"), ("acme", "c2", "p", "h"), ("globex", "c1", "p", "h")]
    asked += [("acme", "c1", "q", "h"), ("acme", "c1", "p", "i")]
    runs = [
        (await made.begin(principal(tenant, caller), policy, body, RepeatSigns(False))).run_id
        for tenant, caller, policy, body in asked
    ]
    assert len(set(runs)) == len(runs)
    assert all(RUN_ID.match(run) for run in runs)
    assert len({one.digest for one in store.asked}) == len(runs)
    again = await made.begin(principal(), "p", "h", RepeatSigns(True, 3))
    assert again.run_id == runs[0], "equal requests share the run, as streams too"
    key = await FixedIdentity().tenant_key("acme")
    assert runs[0] != run_id(key, "acme", "c1", "random:t")


@pytest.mark.parametrize(("said", "kept"), [(0, 0), (7, 7), (10**6, MOST_RETRIES)])
async def test_counts_are_bounded_and_sessions_hashed(said: int, kept: int):
    store = Forged("t")
    made = RunSubmissions(store, FixedIdentity(), lambda: "n")
    begun = await made.begin(principal(), "p", "h", RepeatSigns(False, said, "session-id:secret"))
    [asked] = store.asked
    assert (asked.retries, asked.session is not None and len(asked.session)) == (kept, 32)
    assert b"secret" not in (asked.session or b"")
    assert await made.note(begun) is False, "a store that does not answer ends no request"
