"""Duration of a request's stages: one caller, Assay with timers, medians by stage."""

import json
import statistics
import sys
from dataclasses import replace
from typing import Any

from benchmarks.gateway.subjects.assay import Assay
from benchmarks.gateway.subjects.base import Bench, Load
from benchmarks.tools.figures import percentile
from benchmarks.tools.helper import HelperError
from benchmarks.tools.stack import AssayStack
from embedded.process.child import ChildSpec


class ProfiledAssay(Assay):
    """Assay started with the benchmark's timers, on its own task queue."""

    def __init__(self, bench: Bench, stack: AssayStack, skip: int) -> None:
        super().__init__(bench, stack, "assay_stages")
        self._skip = skip
        self.output = bench.root / "stages.json"

    def spec(self, role: str) -> ChildSpec:
        """Return the same process with another entry point."""
        usual = super().spec(role)
        program = (sys.executable, "-m", "benchmarks.gateway.profiled", str(self.output), str(self._skip))
        return replace(usual, name="assay-stages", argv=program, stop_grace_seconds=30.0)


async def stages(bench: Bench, stack: AssayStack, requests: int) -> dict[str, Any]:
    """Run so many requests, one after another, and return the medians by path.

    Stops the servers: the timers' results are written when their process ends.
    """
    warm_up = max(10, requests // 5)
    profiled = ProfiledAssay(bench, stack, skip=warm_up + 1)  # and the one that checks its screening
    await profiled.start()
    await profiled.run(Load(1, warm_up))
    measured = await profiled.run(Load(1, requests))
    await stack.servers.stop()
    found: dict[str, Any] = json.loads(profiled.output.read_text())
    if found["requests"] != requests:
        raise HelperError(f"{found['requests']} requests were timed instead of {requests}")
    latencies = measured["latencies_ms"]
    outside = [whole - inside for whole, inside in zip(latencies, found.pop("inside_ms"), strict=True)]
    times = {"p50_ms": percentile(latencies, 50), "outside_ms": statistics.median(outside)}
    return {**{name: round(value, 3) for name, value in times.items()}, **found}
