"""The harness from end to end, with a handful of requests: that it measures, not what."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from tests.paths import ROOT

SUBJECTS = ("bare_temporal", "textbook_tuned", "assay")
GROUPS = {
    "bare_temporal": {"ours", "temporal", "generator", "model"},
    "textbook_tuned": {"ours", "temporal", "generator", "model"},
    "assay": {"ours", "temporal", "postgresql", "openbao", "generator", "model"},
}
MODEL_CALLS = {"bare_temporal": 0, "textbook_tuned": 1, "assay": 1}


@pytest.mark.long
async def test_a_quick_run_measures_and_writes_what_it_promises(tmp_path: Path) -> None:
    output = tmp_path / "gateway.json"
    arguments = ("-m", "benchmarks.gateway", "--quick", "--only", ",".join(SUBJECTS), "--output", str(output))
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    found = json.loads(output.read_text())
    assert {*SUBJECTS, "ratios", "machine", "versions", "plan", "idle_cpu", "foreign_cpu"} == found.keys()
    for name in SUBJECTS:
        for callers in ("c1", "c16"):
            figures = found[name][callers]
            assert 0 < figures["p50_ms"] <= figures["p99_ms"], name
            assert figures["rps"] > 0
            assert figures["cpu_ms"].keys() == GROUPS[name]
            assert figures["model_calls_per_request"] == MODEL_CALLS[name]
    assert found["bare_temporal"]["history"]["eager_start"], "it is at its best"
    assert found["assay"]["history"]["eager_start"]
    assert found["textbook_tuned"]["history"]["workflow_tasks"] > found["assay"]["history"]["workflow_tasks"]
    assert found["ratios"]["assay_to_bare_temporal_c1_p50"]["at_most"] == 2.3
