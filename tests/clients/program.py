"""A client's program as a process of its own, asked by lines of JSON."""

import asyncio
import contextlib
import json
import os
import signal
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.paths import ROOT

PROGRAMS = ROOT / "tests" / "clients" / "programs"
LONGEST_LINE = 16 * 1024 * 1024
PATIENCE = 60.0


def program_of(python: Path, name: str) -> list[str]:
    """Return the command of a program of ``tests/clients/programs``."""
    return [str(python), str(PROGRAMS / f"{name}.py")]


class ClientProgram:
    """A client's program, started by its command in a home of its own."""

    def __init__(self, command: list[str], home: Path) -> None:
        self._command = command
        self._home = home
        self._process: Process | None = None
        self._turn = asyncio.Lock()

    async def __aenter__(self) -> Self:
        """Start it. What it knows of its surroundings is a home of its own: no setting of the machine's."""
        environment = {"PATH": os.environ["PATH"], "HOME": str(self._home), "NO_PROXY": "*"}
        environment |= {"OPENAI_AGENTS_DISABLE_TRACING": "1", "LANGSMITH_TRACING": "false"}
        self._process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=PIPE,
            stdout=PIPE,
            stderr=None,
            env=environment,
            cwd=self._home,
            limit=LONGEST_LINE,
            start_new_session=True,
        )
        await self._line()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it, with what it started."""
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()

    async def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Have it do something. Return ``{"found": ...}`` or ``{"error": {"class": ..., "text": ..., ...}}``."""
        assert self._process is not None
        assert self._process.stdin is not None
        async with self._turn:
            self._process.stdin.write(json.dumps({"do": do, **arguments}).encode() + b"\n")
            return await self._line()

    async def _line(self) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            line = await self._process.stdout.readline()
        assert line, f"{self._command[1]} ended"
        found: dict[str, Any] = json.loads(line)
        return found
