"""Runs of every release continue under this one: what they look like is committed, and replays."""

import ast
import dis
import inspect
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType, TimeoutType
from temporalio.client import WorkflowHistory
from temporalio.common import HeaderCodecBehavior
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from domain.inference.runs import Status
from domain.refusals import Kind
from tests.doubles.keys import FixedKeyRing
from tests.paths import ROOT
from tests.replay import changed
from tests.replay.bench import NAMESPACE, keyring
from tests.replay.branches import BRANCHES
from tests.replay.histories import HISTORIES, NotClosed, converter, outcome, read
from worker.sandbox import sandbox
from workflows.inference.guarded_inference import GuardedInference

RECORDED = sorted(HISTORIES.glob("*.json"))
STARTED, TIMED_OUT = EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED, EventType.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT
LATER = {Status.RUNNING, Status.HELD}  # no ends
# Lines of the workflow that no replay reaches, and why.
_ASKED = "queries, rejected updates and their validator leave nothing in a history"
UNREACHED = {
    "return self._summary.progress": _ASKED,
    "return self._summary.stage": _ASKED,
    "if reason_of(withdrawal) not in WITHDRAWAL_REASONS:": _ASKED,
    "raise ValueError(f\"a withdrawal needs a reason: {', '.join(WITHDRAWAL_REASONS)}\")": _ASKED,
    "if self._summary.closing:": _ASKED,
    'raise ValueError("too late: the outcome of the run is being recorded")': _ASKED,
    "return withdrawal.reason if isinstance(withdrawal, Withdrawal) else None": _ASKED,
    "cause = cause.cause  # the stage's argument could not be read: the reason is inside": (
        "needs the store of large payloads: tests/workflows/inference/test_large_payloads.py goes there"
    ),
    'raise AssertionError("there is always a model to call")': "no error of ours has led there",
    "super().__init__(Kind.INTERNAL.value)": "no error of ours has led there",
    "raise NotYetKnown": "no error of ours has led there",
}


def of(name: str) -> WorkflowHistory:
    return read((HISTORIES / f"{name}.1.json").read_text())


def replayer(workflow: type = GuardedInference, keys: FixedKeyRing | None = None, **options: Any) -> Replayer:
    """This build as a worker of it would replay a run."""
    return Replayer(
        workflows=[workflow],
        workflow_runner=sandbox(),
        namespace=NAMESPACE,
        data_converter=converter(keys or keyring()),
        header_codec_behavior=HeaderCodecBehavior.CODEC,
        **options,
    )


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
async def test_a_recorded_run_replays(path: Path):
    await replayer().replay_workflow(read(path.read_text()))


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
async def test_a_recorded_run_ended_as_its_name_says(path: Path):
    branch = BRANCHES[path.name.partition(".")[0]]
    assert await outcome(read(path.read_text())) == (branch.status, branch.kind)


def test_every_branch_is_recorded():
    assert {path.name.partition(".")[0] for path in RECORDED} == BRANCHES.keys()


def test_a_call_that_temporal_has_timed_out_was_made_once():
    events = read((HISTORIES / "model-times-out.2.json").read_text()).events
    [began] = [event.activity_task_started_event_attributes for event in events if event.event_type == STARTED]
    [ended] = [event.activity_task_timed_out_event_attributes for event in events if event.event_type == TIMED_OUT]
    assert began.attempt == 1
    assert ended.failure.timeout_failure_info.timeout_type == TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE


def test_runs_were_recorded_to_every_end():
    assert {branch.status for branch in BRANCHES.values()} == set(Status) - LATER


def kinds_named_in(*folders: str) -> set[Kind]:
    """Return the kinds named in the sources."""
    sources = [path.read_text() for folder in folders for path in (ROOT / folder).rglob("*.py")]
    nodes = [node for source in sources for node in ast.walk(ast.parse(source))]
    names = {
        node.attr
        for node in nodes
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Kind"
    }
    return {Kind[name] for name in names}


def test_runs_were_recorded_to_every_kind_of_problem_that_a_workflow_names():
    waited_for = {
        Kind.VAULT_UNAVAILABLE,
        Kind.ENGINE_UNAVAILABLE,
        Kind.RUN_TERMINATED,
    }  # as an absent store is; at the edge; by the sweep
    assert kinds_named_in("workflows", "activities") - waited_for <= {branch.kind for branch in BRANCHES.values()}


def lines_of(code: CodeType) -> set[int]:
    """The lines with statements of a function, and of all within. Bodies of classes ran when they were imported."""
    is_function = code.co_flags & inspect.CO_OPTIMIZED
    found = (
        {line for _, line in dis.findlinestarts(code) if line and line != code.co_firstlineno} if is_function else set()
    )
    return found.union(*(lines_of(inner) for inner in code.co_consts if isinstance(inner, CodeType)))


async def test_no_line_of_the_workflow_is_left_out():
    modules = ("beginning.py", "guarded_inference.py", "stages.py", "run_state.py")
    files = {str(ROOT / "workflows" / "inference" / name): set[int]() for name in modules}

    def seen(frame: FrameType, _event: str, _argument: Any) -> Any:
        if frame.f_code.co_filename not in files:
            return None
        files[frame.f_code.co_filename].add(frame.f_lineno)
        return seen

    with ThreadPoolExecutor(initializer=lambda: sys.settrace(seen)) as watched:
        for path in RECORDED:
            await replayer(workflow_task_executor=watched).replay_workflow(read(path.read_text()))
    missed = []
    for name, reached in files.items():
        source = Path(name).read_text()
        bodies = [code for code in compile(source, name, "exec").co_consts if isinstance(code, CodeType)]
        lines = source.splitlines()
        missed += [lines[line - 1].strip() for line in set().union(*map(lines_of, bodies)) - reached]
    assert set(missed) == UNREACHED.keys()


async def test_a_command_that_history_has_not_is_noticed():
    with pytest.raises(NondeterminismError):
        await replayer(changed.Waits).replay_workflow(of("answered-at-once"))


@pytest.mark.parametrize("workflow", [changed.Swapped, changed.LeftOut])
async def test_stages_in_another_order_are_noticed(workflow: type):
    """A local stage is given another's result, the next, which reads as null."""
    with pytest.raises(NondeterminismError):
        await replayer(workflow).replay_workflow(of("answered-at-once"))


async def test_a_careful_change_replays():
    await replayer(changed.Patched).replay_workflow(of("answered-at-once"))


async def test_histories_are_encrypted_and_mean_nothing_without_their_keys():
    history = of("answered-at-once")
    assert '"Hello"' not in history.to_json()
    stranger = keyring()
    stranger.away = True
    with pytest.raises((NondeterminismError, RuntimeError)):
        await replayer(keys=stranger).replay_workflow(history)


def test_a_history_that_is_cut_short_is_refused():
    whole = json.loads((HISTORIES / "answered-at-once.1.json").read_text())
    with pytest.raises(NotClosed):
        read(json.dumps({"events": whole["events"][:-1]}))
    with pytest.raises(NotClosed):
        read(json.dumps({"events": []}))


def test_no_history_tells_where_it_was_recorded():
    for path in RECORDED:
        identities = {value for event in json.loads(path.read_text())["events"] for value in identities_in(event)}
        assert identities <= {"recorder", "history-service"}, path.name


def identities_in(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [inner for key, inner in value.items() if key == "identity"] + [
            found for inner in value.values() for found in identities_in(inner)
        ]
    return [found for inner in value for found in identities_in(inner)] if isinstance(value, list) else []
