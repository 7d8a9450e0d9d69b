"""The sandbox is cheap because pure values stay outside it, and armed because everything else is inside."""

import ast
import builtins
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker
from temporalio.worker.workflow_sandbox import RestrictedWorkflowAccessError, SandboxRestrictions
from temporalio.worker.workflow_sandbox._importer import Importer

import worker.sandbox
from tests.paths import ROOT
from tests.workflows.worker.clock_watcher import LooksAtTheClock
from worker.sandbox import sandbox

IMPURE_MODULES = {"time", "random", "secrets", "os", "io", "socket", "subprocess", "threading", "asyncio", "uuid1"}
IMPURE_CALLS = {"now", "utcnow", "today", "uuid1", "uuid4", "open", "print", "input"}
WORKFLOWS = sorted((ROOT / "workflows").rglob("*.py"))
CHANGEABLE = (ast.Dict, ast.List, ast.Set, ast.DictComp, ast.ListComp, ast.SetComp, ast.GeneratorExp)
CHANGING = {"append", "add", "update", "pop", "popitem", "clear", "extend", "insert", "remove", "setdefault", "discard"}
CHANGEABLE_CALLS = {"dict", "list", "set", "defaultdict", "deque", "Counter", "OrderedDict", "count", "cycle", "iter"}


def sources(name: str) -> list[Path]:
    """The files of a package or module that the sandbox passes through."""
    place = ROOT.joinpath(*name.split("."))
    place = place if place.exists() or place.with_suffix(".py").exists() else ROOT.joinpath("sdk", *name.split("."))
    return sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]


PURE = [path for name in worker.sandbox.PURE for path in sources(name)]


def impurities(source: str) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.partition(".")[0] in IMPURE_MODULES]
        if isinstance(node, ast.ImportFrom) and node.module and node.module.partition(".")[0] in IMPURE_MODULES:
            found.append(node.module)
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in IMPURE_CALLS:
                found.append(f"{name}()")
    return found


@pytest.mark.parametrize("path", PURE, ids=lambda path: path.name)
def test_what_stays_outside_the_sandbox_is_pure(path: Path):
    assert impurities(path.read_text()) == []


def test_impurity_would_be_found():
    assert impurities("import time\nfrom random import x\ndatetime.now()\nopen('f')") == [
        "time",
        "random",
        "now()",
        "open()",
    ]


def shared_state(source: str) -> list[str]:
    """State that runs could share: values that can be changed, bound where a module or a class keeps them.

    A table under a constant's name may stand there, as long as nothing in its module changes it.
    """
    found = []
    tree = ast.parse(source)
    changed = {name for node in ast.walk(tree) for name in changed_names(node)}
    for scope in [tree, *(node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))]:
        for node in scope.body:
            value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
            called = getattr(getattr(value, "func", None), "id", getattr(getattr(value, "func", None), "attr", ""))
            if isinstance(value, CHANGEABLE) or called in CHANGEABLE_CALLS:
                target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
                name = getattr(target, "id", "")
                if not (name.isupper() or name == "__all__") or name in changed:
                    found.append(f"line {node.lineno}")
    found += [f"line {node.lineno}: global" for node in ast.walk(tree) if isinstance(node, ast.Global)]
    return found


def changed_names(node: ast.AST) -> list[str]:
    """Names that a statement stores into, or whose changing method it calls."""
    changed: list[ast.expr] = []
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
        changed.append(node.value)
    if isinstance(node, ast.AugAssign):
        changed.append(node.target)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGING:
        changed.append(node.func.value)
    return [expression.id for expression in changed if isinstance(expression, ast.Name)]


@pytest.mark.parametrize("path", [*PURE, *WORKFLOWS], ids=lambda path: f"{path.parent.name}/{path.name}")
def test_runs_have_no_variable_in_common(path: Path):
    assert shared_state(path.read_text()) == []


def test_a_common_variable_would_be_found():
    assert shared_state("a = []\nb: dict = {}\nclass C:\n    seen = set()\ndef f():\n    global a\n") == [
        "line 1",
        "line 2",
        "line 4",
        "line 6: global",
    ]
    assert shared_state("_A = {1: 2}\n_B = {}\ndef f():\n    _A[1] = 3\n    _B.update({})\n") == ["line 1", "line 2"]
    assert shared_state("A = (1, 2)\nB = frozenset({1})\nC = {1: 2}\ndef f():\n    x = []\n") == []


async def test_a_workflow_that_looks_at_the_clock_is_stopped_in_every_run(environment):
    env, _ = environment
    async with Worker(env.client, task_queue="sandbox", workflows=[LooksAtTheClock], workflow_runner=sandbox()):
        for number in range(3):  # the first run loads the sandbox, the others share it
            with pytest.raises(WorkflowFailureError) as caught:
                await env.client.execute_workflow(
                    LooksAtTheClock.run,
                    id=f"inf.acme.clock-{number}",
                    task_queue="sandbox",
                    execution_timeout=timedelta(seconds=30),
                )
            assert "datetime.now" in str(caught.value.cause)


def opened() -> bool:
    with open(__file__) as file:  # noqa: PTH123 - this very builtin
        return file.readable()


def test_what_the_sandbox_puts_in_place_is_this_threads_alone_and_taken_away_again():
    before = (builtins.isinstance, builtins.open, builtins.__import__, sys.modules)
    loaded = worker.sandbox._Loaded(LooksAtTheClock, UnsandboxedWorkflowRunner, SandboxRestrictions.default)
    with ThreadPoolExecutor(1) as elsewhere:
        with loaded.importer.applied():
            with loaded.importer.applied():
                assert Importer.current_importer() is loaded.importer
            assert Importer.current_importer() is loaded.importer
            assert "tests.gateway" not in sys.modules
            with pytest.raises(RestrictedWorkflowAccessError):
                open(__file__)  # noqa: PTH123, SIM115 - this very builtin is restricted
            assert elsewhere.submit(opened).result()
            assert elsewhere.submit(lambda: "tests.gateway" in sys.modules).result()
        assert opened()
    assert Importer.current_importer() is None
    assert (builtins.isinstance, builtins.open, builtins.__import__, sys.modules) == before
