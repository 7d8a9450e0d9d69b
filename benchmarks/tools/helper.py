"""Helper process of a benchmark: it reports readiness in a line of JSON, then answers jobs line by line.

It ends with its standard input, so it can't outlive the benchmark.
"""

import asyncio
import contextlib
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import uvloop

ROOT = Path(__file__).resolve().parents[2]
_READY_SECONDS = 60.0
_END_SECONDS = 15.0
_LINE_BYTES = 64 * 1024 * 1024
Job = Mapping[str, Any]


class HelperError(Exception):
    """A helper process failed."""


class Helper:
    """The parent's side, as an async context manager."""

    def __init__(self, module: str, *arguments: str, log: Path, env: Mapping[str, str] | None = None) -> None:
        self._module = module
        self._arguments = arguments
        self._log = log
        self._env = env
        self._process: Process | None = None
        self.ready: dict[str, Any] = {}

    @property
    def pid(self) -> int:
        """Return its process ID."""
        return self._running.pid

    @property
    def _running(self) -> Process:
        if self._process is None:
            raise HelperError(f"{self._module} was not started")
        return self._process

    async def start(self) -> Self:
        """Start it and wait for its first line."""
        output = os.open(self._log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", self._module, *self._arguments),
                stdin=PIPE,
                stdout=PIPE,
                stderr=output,
                limit=_LINE_BYTES,
                cwd=ROOT,
                start_new_session=True,  # Ctrl-C is handled by the parent
                env=None if self._env is None else {**os.environ, **self._env},
            )
        finally:
            os.close(output)
        async with asyncio.timeout(_READY_SECONDS):
            self.ready = await self._read()
        return self

    async def ask(self, **job: object) -> dict[str, Any]:
        """Have one job done.

        Raises:
            HelperError: it ended, or reported an error.
        """
        if self._running.stdin is None:
            raise HelperError("no way to write to it")
        self._running.stdin.write(json.dumps(job).encode() + b"\n")
        await self._running.stdin.drain()
        return await self._read()

    async def stop(self) -> None:
        """Let it end; by force if it takes too long."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(_END_SECONDS):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _read(self) -> dict[str, Any]:
        if self._running.stdout is None:
            raise HelperError("no way to read from it")
        line = await self._running.stdout.readline()
        if not line:
            code = await self._running.wait()
            raise HelperError(f"{self._module} ended with exit code {code}: see {self._log}")
        found: dict[str, Any] = json.loads(line)
        if "error" in found:
            raise HelperError(str(found["error"]))
        return found


def serve_jobs(main: Callable[["Jobs"], Awaitable[None]]) -> None:
    """The child's side: run ``main`` on uvloop; it calls ``Jobs.ready`` and then ``Jobs.work``."""

    async def run() -> None:
        reader = asyncio.StreamReader(limit=_LINE_BYTES)
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        await main(Jobs(reader))

    uvloop.run(run())


class Jobs:
    """Jobs of the parent."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    def ready(self, **facts: object) -> None:
        """Report readiness."""
        _say(facts)

    async def work(self, do: Callable[[Job], Awaitable[Job]]) -> None:
        """Do jobs until the parent has no more."""
        while line := await self._reader.readline():
            try:
                _say(await do(json.loads(line)))
            except Exception as error:  # noqa: BLE001 - whatever it is, the parent has to hear of it
                _say({"error": told(error)})


def told(error: BaseException) -> str:
    """Return an error as text; of a group, its first."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"


def _say(facts: Job) -> None:
    sys.stdout.write(json.dumps(dict(facts)) + "\n")
    sys.stdout.flush()
