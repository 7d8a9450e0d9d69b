"""Reconciliation sweeps of every release continue under this one."""

import json
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.workflow import NondeterminismError

from tests.replay.changed import Hurried
from tests.replay.histories import read
from tests.replay.looks import LOOKS, WAYS
from tests.replay.test_replay import identities_in, replayer
from workflows.reconciliation.settle_abandoned import SettleAbandoned

RECORDED = sorted(LOOKS.glob("*.json"))
ENDS = {
    "nothing-is-amiss": EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
    "records-what-was-terminated": EventType.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
    "goes-on-as-another-run": EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
    "is-answered-by-someone-else": EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
}


def test_every_way_is_recorded():
    assert {path.name.partition(".")[0] for path in RECORDED} == WAYS.keys() == ENDS.keys()


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
async def test_a_recorded_look_replays(path: Path):
    history = read(path.read_text())
    assert history.events[-1].event_type == ENDS[path.name.partition(".")[0]]
    await replayer(SettleAbandoned).replay_workflow(history)


async def test_a_careless_change_is_noticed():
    with pytest.raises(NondeterminismError):
        await replayer(Hurried).replay_workflow(read((LOOKS / "nothing-is-amiss.1.json").read_text()))


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_a_history_tells_nothing_in_plaintext(path: Path):
    text = path.read_text()
    assert "inf.acme" not in text
    assert set(identities_in(json.loads(text))) <= {"recorder", "history-service"}
