"""What is measured: each subject can be started, can take load, and says which processes work for it."""

import json
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from benchmarks.tools.helper import Helper

Measured = Mapping[str, Any]


class NotMeasuredError(Exception):
    """A subject can't be measured here. The text says why and goes into the table."""


@dataclass(frozen=True)
class Bench:
    """What all subjects share: a directory, the load generator, the fake model; ``stack`` ends what is started."""

    root: Path
    cache: Path
    stack: AsyncExitStack
    generator: Helper
    model: Helper

    @property
    def model_url(self) -> str:
        """The fake model's base URL."""
        return f"http://127.0.0.1:{self.model.ready['port']}/v1"

    def log(self, name: str) -> Path:
        """Where a process writes what it has to say."""
        return self.root / f"{name}.log"


@dataclass(frozen=True, slots=True)
class Load:
    """How much: so many requests by so many callers at once."""

    callers: int
    requests: int


class Subject(Protocol):
    """One of what is compared."""

    @property
    def name(self) -> str:
        """Its key in the results."""
        ...

    @property
    def share(self) -> float:
        """The part of the usual number of requests that it gets: slow ones get fewer."""
        ...

    async def start(self) -> None:
        """Start whatever it needs.

        Raises:
            NotMeasuredError: it can't be had here, or its screening is off.
        """
        ...

    async def run(self, load: Load) -> Measured:
        """Take load; give ``latencies_ms`` and ``seconds``."""
        ...

    def processes(self) -> Mapping[str, Sequence[int]]:
        """The oldest processes of each group that works for it."""
        ...

    async def facts(self) -> Mapping[str, Any]:
        """What else is worth knowing of it, once it was measured."""
        ...


def job(load: Load) -> dict[str, Any]:
    """The load as a job for a process of the benchmark's own."""
    return {"callers": load.callers, "requests": load.requests}


def post(
    port: int, path: str, body: object, *, holds: Sequence[str], headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """A ``wire.Target`` as a part of a job for the load generator."""
    sent = json.dumps(body)
    return {"port": port, "path": path, "body": sent, "headers": dict(headers or {}), "holds": list(holds)}
