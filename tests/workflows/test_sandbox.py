"""The sandbox is cheap because pure values stay outside it, and armed because everything else is inside."""

import ast
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.worker import Worker

from tests.gateway import ROOT
from tests.workflows.clock_watcher import LooksAtTheClock
from worker.build import sandbox

IMPURE_MODULES = {"time", "random", "secrets", "os", "io", "socket", "subprocess", "threading", "asyncio", "uuid1"}
IMPURE_CALLS = {"now", "utcnow", "today", "uuid1", "uuid4", "open", "print", "input"}
PURE = [
    *sorted((ROOT / "domain").glob("*.py")),
    *(ROOT / "activities" / f"{name}.py" for name in ("stages", "names", "failures")),
    ROOT / "sdk" / "assay_temporal" / "contracts.py",
]


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


async def test_a_workflow_that_looks_at_the_clock_is_stopped(environment):
    env, _ = environment
    async with Worker(env.client, task_queue="sandbox", workflows=[LooksAtTheClock], workflow_runner=sandbox()):
        with pytest.raises(WorkflowFailureError) as caught:
            await env.client.execute_workflow(
                LooksAtTheClock.run, id="inf.acme.clock", task_queue="sandbox", execution_timeout=timedelta(seconds=30)
            )
    assert "datetime.now" in str(caught.value.cause)
