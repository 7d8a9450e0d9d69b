"""Subjects of the measurement: each can be started, takes load, and names its processes."""

import json
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from benchmarks.tools.helper import Helper

Measured = Mapping[str, Any]


class NotMeasuredError(Exception):
    """A subject can't be measured here. The text has the reason, and is shown in the table."""


@dataclass(frozen=True)
class Bench:
    """Shared parts of all subjects: a directory, the load generator, the fake model; ``stack`` ends everything."""

    root: Path
    cache: Path
    stack: AsyncExitStack
    generator: Helper
    model: Helper

    @property
    def model_url(self) -> str:
        """Return the fake model's base URL."""
        return f"http://127.0.0.1:{self.model.ready['port']}/v1"

    def log(self, name: str) -> Path:
        """Return the log file of a process."""
        return self.root / f"{name}.log"


@dataclass(frozen=True, slots=True)
class Load:
    """Load: so many requests by so many concurrent callers."""

    callers: int
    requests: int


class Subject(Protocol):
    """A subject of the comparison."""

    @property
    def name(self) -> str:
        """Return its key in the results."""
        ...

    @property
    def share(self) -> float:
        """Return its share of the usual number of requests: slow ones get fewer."""
        ...

    async def start(self) -> None:
        """Start everything that it needs.

        Raises:
            NotMeasuredError: it is unavailable here, or its screening is disabled.
        """
        ...

    async def run(self, load: Load) -> Measured:
        """Run the load; return ``latencies_ms`` and ``seconds``."""
        ...

    def processes(self) -> Mapping[str, Sequence[int]]:
        """Return the oldest processes of each of its groups."""
        ...

    async def facts(self) -> Mapping[str, Any]:
        """Return further facts, once it was measured."""
        ...


def job(load: Load) -> dict[str, Any]:
    """Return the load as a job for one of the benchmark's processes."""
    return {"callers": load.callers, "requests": load.requests}


def post(
    port: int, path: str, body: object, *, holds: Sequence[str], headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return a ``wire.Target`` as a part of a job for the load generator."""
    sent = json.dumps(body)
    return {"port": port, "path": path, "body": sent, "headers": dict(headers or {}), "holds": list(holds)}
