"""Memory growth of Assay's process over many thousand requests, as the slope of a line.

RSS is the memory resident for the process, shared pages included; USS is the memory that would be freed if the process
ended. A leak shows in both. Allocators keep freed memory, so a first part, in which caches and pools fill, is excluded.
"""

import asyncio
import statistics
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psutil

from benchmarks.gateway.measure import Progress
from benchmarks.gateway.subjects.assay import Assay
from benchmarks.gateway.subjects.base import Bench, Load
from benchmarks.tools.figures import slope

LIMIT_BYTES = 200
_CALLERS = 16
_EVERY_SECONDS = 1.0
_PART = 2_000
_POINTS = 20
_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Sample:
    """The process's memory in bytes after so many requests."""

    requests: int
    rss: int
    uss: int


async def memory(bench: Bench, assay: Assay, requests: int, say: Progress) -> dict[str, Any]:
    """Measure growth over ``requests`` requests by 16 callers, excluding the first tenth."""
    [pid] = assay.processes()["ours"]
    process = psutil.Process(pid)
    samples: list[Sample] = []
    sampling = asyncio.create_task(_sample(bench, process, samples))
    try:
        for done in range(0, requests, _PART):
            await assay.run(Load(_CALLERS, min(_PART, requests - done)))
            last = samples[-1] if samples else Sample(0, 0, 0)
            say(f"{min(done + _PART, requests)} requests: RSS {last.rss / _MIB:.1f} MiB, USS {last.uss / _MIB:.1f} MiB")
    finally:
        sampling.cancel()
        with suppress(asyncio.CancelledError):
            await sampling
    return growth(samples, skip=requests // 10)


async def _sample(bench: Bench, process: psutil.Process, samples: list[Sample]) -> None:
    first = int((await bench.model.ask())["served"])
    while True:
        served = int((await bench.model.ask())["served"]) - first
        info = process.memory_full_info()
        samples.append(Sample(served, info.rss, info.uss))
        await asyncio.sleep(_EVERY_SECONDS)


def growth(samples: Sequence[Sample], skip: int) -> dict[str, Any]:
    """Return bytes per request by least squares, over the samples after the first ``skip`` requests.

    Raises:
        NoFiguresError: there are fewer than two.
    """
    counted = [sample for sample in samples if sample.requests >= skip]
    xs = [float(sample.requests) for sample in counted]
    rss = slope(xs, [float(sample.rss) for sample in counted])
    return {
        "requests": counted[-1].requests,
        "left_out": skip,
        "samples": len(counted),
        "rss_bytes_per_request": round(rss, 1),
        "uss_bytes_per_request": round(slope(xs, [float(sample.uss) for sample in counted]), 1),
        "rss_mib": [round(sample.rss / _MIB, 1) for sample in (counted[0], counted[-1])],
        "uss_mib": [round(sample.uss / _MIB, 1) for sample in (counted[0], counted[-1])],
        "at_most": LIMIT_BYTES,
        "holds": rss < LIMIT_BYTES,
        "series": _series(samples),
    }


def _series(samples: Sequence[Sample]) -> list[list[float]]:
    """Return some twenty points from first to last, each a median: requests, RSS and USS in MiB.

    For inspection, not for the result: memory varies by a few MiB with collections, which a line over many requests
    evens out.
    """
    size = max(1, len(samples) // _POINTS)
    blocks = [samples[at : at + size] for at in range(0, len(samples), size)]
    return [
        [
            statistics.median(sample.requests for sample in block),
            round(statistics.median(sample.rss for sample in block) / _MIB, 1),
            round(statistics.median(sample.uss for sample in block) / _MIB, 1),
        ]
        for block in blocks
    ]


def resident_mib(pids: Sequence[int]) -> float:
    """Return resident memory of process trees: shared pages in proportion, on Linux."""
    total = 0
    for pid in pids:
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                info = process.memory_full_info()
                total += getattr(info, "pss", info.rss)
    return round(total / _MIB, 1)
