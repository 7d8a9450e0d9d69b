"""One table of timeouts and retries, true, and nothing beside it."""

import ast
import re
from datetime import timedelta
from pathlib import Path

import pytest

from domain.inference.bodies.values import characters_of
from domain.inference.run_lengths import LONGEST_MODEL_CALL, MODELS_TOTAL
from tests.paths import ROOT
from workflows import timing

UNITS = {"s": 1, "min": 60, "h": 3600, "day": 86_400, "days": 86_400}
LENGTHS = re.compile(r"(\d+(?:\.\d+)?) (s|min|h|days?)\b")
# A length that is no option of a workflow: how long the API waits for one answer of Temporal's frontend.
ALLOWED = {"api/inference/runs.py": ["_RPC_TIMEOUT"], "services/refusals/drops.py": ["_EVERY"]}


def table() -> dict[str, tuple[str, str, str]]:
    """The rows of the docstring."""
    rows = [
        [cell.strip(" `") for cell in line.strip("|").split("|")]
        for line in (timing.__doc__ or "").splitlines()
        if line.startswith("|") and not line.startswith("|--")
    ]
    return {name.replace("``", ""): (attempt, total, again) for name, attempt, total, again in rows[1:]}


def lengths(text: str) -> list[timedelta]:
    """Return the lengths in a cell, in order. One without a unit has that of the next."""
    return [timedelta(seconds=float(number) * UNITS[unit]) for number, unit in LENGTHS.findall(text)]


def test_the_table_tells_what_holds():
    told = table()
    assert told.keys() == {
        "short stages, local",
        "short stages, regular",
        "of long requests, local",
        "of long requests, regular",
        "invoke_model, by default",
        "invoke_model, at most",
        "invoke_model, handed over",
        "invoke_model, no store",
        "invoke_model, heartbeats",
        "the run",
        "steps of a sweep",
        "a reconciliation sweep",
        "a month's archive",
        "a month's archive, heartbeats",
        "a run of the archiver",
    }
    attempt, total, again = told["short stages, local"]
    assert lengths(attempt) == lengths(total) == [timing.LOCAL_ATTEMPT]
    assert again.startswith("no:")
    assert timing.LOCAL_RETRY.maximum_attempts == 1
    attempt, total, again = told["short stages, regular"]
    assert (lengths(attempt), lengths(total)) == ([timing.PATIENT_ATTEMPT], [timing.PATIENT_TOTAL])
    assert lengths(again) == [timing.PATIENT_RETRY.initial_interval, timing.PATIENT_RETRY.maximum_interval]
    assert timing.PATIENT_RETRY.maximum_attempts == 0
    assert lengths(told["of long requests, local"][0]) == [timing.LOCAL_MOST]
    assert lengths(told["of long requests, regular"][0]) == [timing.PATIENT_MOST]
    attempt, total, again = told["invoke_model, by default"]
    common, longest = timing.model_call(None), timing.model_call(LONGEST_MODEL_CALL.total_seconds())
    assert (lengths(attempt), lengths(total)) == ([common.attempt], [common.total])
    assert lengths(again) == [timing.MODEL_RETRY.initial_interval, timing.MODEL_RETRY.maximum_interval]
    assert again.startswith(f"{timing.MODEL_RETRY.maximum_attempts} attempts")
    attempt, total, again = told["invoke_model, at most"]
    assert (lengths(attempt), lengths(total)) == ([longest.attempt], [longest.total])
    assert "TemporalTimeout:StartToClose" in timing.MODEL_RETRY.non_retryable_error_types, again
    attempt, total, again = told["invoke_model, handed over"]
    assert (attempt, lengths(total)) == ("as before", [timing.MODEL_LEFT])
    assert again.startswith("at once")
    attempt, total, again = told["invoke_model, no store"]
    pauses = timing.MODEL_STORE_PAUSES
    assert lengths(again) == [pauses[0], pauses[-1]]
    assert lengths(total)[0] <= sum(pauses, timedelta()) < lengths(total)[0] + pauses[-1]
    assert lengths(told["invoke_model, heartbeats"][0]) == [timing.MODEL_HEARTBEAT]
    assert lengths(told["the run"][1]) == [timing.RUN_TOTAL]
    attempt, total, again = told["steps of a sweep"]
    assert (lengths(attempt), lengths(total)) == ([timing.LOOK_ATTEMPT], [timing.LOOK_STEP_TOTAL])
    assert lengths(again) == [timing.LOOK_RETRY.initial_interval, timing.LOOK_RETRY.maximum_interval]
    assert timing.LOOK_RETRY.maximum_attempts == 0
    assert lengths(told["a reconciliation sweep"][1]) == [timing.LOOK_TOTAL]
    attempt, total, again = told["a month's archive"]
    assert (lengths(attempt), lengths(total)) == ([timing.ARCHIVE_ATTEMPT], [timing.ARCHIVE_TOTAL])
    assert lengths(again) == [timing.ARCHIVE_RETRY.initial_interval, timing.ARCHIVE_RETRY.maximum_interval]
    assert timing.ARCHIVE_RETRY.maximum_attempts == 0
    assert lengths(told["a month's archive, heartbeats"][0]) == [timing.ARCHIVE_HEARTBEAT]
    assert lengths(told["a run of the archiver"][1]) == [timing.ARCHIVE_RUN]
    for policy in (timing.PATIENT_RETRY, timing.MODEL_RETRY, timing.ARCHIVE_RETRY, timing.LOOK_RETRY):
        assert policy.backoff_coefficient == 2.0, "doubling"


def test_every_constant_has_its_place_in_the_table():
    named = {name for name in vars(timing) if name.isupper()}
    assert named == {
        *("LOCAL_ATTEMPT", "LOCAL_MOST", "LOCAL_RETRY", "_USUAL_CHARACTERS", "_A_CHARACTER"),
        *("PATIENT_ATTEMPT", "PATIENT_MOST", "PATIENT_TOTAL", "PATIENT_RETRY"),
        *("MODEL_GRACE", "MODEL_LEFT", "MODEL_HEARTBEAT", "MODEL_RETRY", "MODEL_STORE_PAUSES", "RUN_TOTAL"),
        *("LOOK_ATTEMPT", "LOOK_STEP_TOTAL", "LOOK_RETRY", "LOOK_TOTAL"),
        *("ARCHIVE_ATTEMPT", "ARCHIVE_TOTAL", "ARCHIVE_HEARTBEAT", "ARCHIVE_RETRY", "ARCHIVE_RUN"),
    }


def test_the_lengths_fit_into_each_other():
    assert timedelta(seconds=10) > timing.LOCAL_MOST > timing.LOCAL_ATTEMPT, "of a workflow task"
    assert timing.PATIENT_ATTEMPT < timing.PATIENT_MOST < timing.PATIENT_TOTAL
    assert timing.PATIENT_ATTEMPT < timing.PATIENT_TOTAL < timing.RUN_TOTAL
    for seconds in (None, 1, 60, 61, LONGEST_MODEL_CALL.total_seconds()):
        call = timing.model_call(seconds)
        assert timedelta(seconds=seconds or 60) < call.attempt < call.total < timing.RUN_TOTAL
        assert call.attempt > timing.MODEL_HEARTBEAT
    assert timing.LOOK_ATTEMPT < timing.LOOK_STEP_TOTAL < timing.LOOK_TOTAL
    assert timing.ARCHIVE_HEARTBEAT < timing.ARCHIVE_ATTEMPT < timing.ARCHIVE_TOTAL < timing.ARCHIVE_RUN
    assert timedelta(days=1) > timing.ARCHIVE_RUN, "the next one begins then"
    needed = 2 * timing.PATIENT_TOTAL + MODELS_TOTAL
    assert needed <= timing.RUN_TOTAL, "a stage that waits for a day, all models, and then the closing"


def made_elsewhere(source: str) -> list[str]:
    """Return a module's lengths and retry policies: the name that it is bound to, or the line.

    A length of a variable is made where that is, and zero is none.
    """
    tree = ast.parse(source)
    named = {
        id(node.value): node.targets[0].id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [
        named.get(id(call), f"line {call.lineno}")
        for call in calls
        if _called(call) == "RetryPolicy" or (_called(call) == "timedelta" and not _is_variable_or_zero(call))
    ]


def _called(call: ast.Call) -> str:
    return str(getattr(call.func, "id", getattr(call.func, "attr", "")))


def _is_variable_or_zero(call: ast.Call) -> bool:
    given = [part for argument in (*call.args, *call.keywords) for part in ast.walk(argument)]
    variable = any(isinstance(part, ast.Name | ast.Attribute) for part in given)
    return variable or [part.value for part in given if isinstance(part, ast.Constant)] == [0]


@pytest.mark.parametrize(
    "path",
    [path for folder in ("workflows", "api", "services") for path in sorted((ROOT / folder).rglob("*.py"))],
    ids=lambda path: f"{path.parent.name}/{path.name}",
)
def test_lengths_and_retries_are_made_in_one_place(path: Path):
    name = str(path.relative_to(ROOT))
    if name != "workflows/timing.py":
        assert made_elsewhere(path.read_text()) == ALLOWED.get(name, [])


def test_one_that_is_made_elsewhere_would_be_found():
    assert made_elsewhere("A = timedelta(seconds=1)\nstart(retry_policy=common.RetryPolicy())\n") == ["A", "line 2"]
    assert not made_elsewhere("A = timedelta(seconds=asked.seconds)\nB = timedelta(0)\n")


def test_a_long_request_has_the_time_that_its_guards_need():
    """At worst 13 microseconds a character (decision 40), on processors that others use as well."""
    usual = timing.short_stage(32_000)
    assert (usual.local, usual.patient) == (timing.LOCAL_ATTEMPT, timing.PATIENT_ATTEMPT)
    for characters in (100_000, 1_000_000, 10_000_000):
        assert timing.short_stage(characters).patient >= timedelta(microseconds=3 * 13 * characters)
    assert timing.short_stage(10**9) == timing.StageLengths(timing.LOCAL_MOST, timing.PATIENT_MOST)


def test_the_length_of_a_request_is_that_of_its_texts():
    sent = {"messages": [{"role": "user", "content": "x" * 10}, {"content": [{"text": "y" * 5}, {"n": 1}]}], "t": None}
    assert characters_of(sent) == len("user") + 10 + 5
    assert characters_of(None) == 0
