"""Processes without a supervisor: Assay's own, for tests of how they end, and others."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from config.settings import Settings
from embedded.process import launch
from embedded.process.child import ChildSpec
from embedded.stack import serve_spec
from tests.gateway import Gateway, eventually

_INHERITED = ("PATH", "HOME", "LANG", "TMPDIR")


def bound(*command: str) -> tuple[str, ...]:
    """Return the command line of a process that the kernel kills when this one dies (Linux), as it does servers."""
    return (sys.executable, "-I", "-S", launch.__file__, str(os.getpid()), str(int(signal.SIGKILL)), "host", *command)


@dataclass
class Served:
    """A process of ``assay serve``."""

    process: asyncio.subprocess.Process
    log: Path

    async def stop(self, seconds: float = 30.0) -> int:
        """Ask it to end (SIGTERM); its exit code, negative for a signal that it died of."""
        self.process.terminate()
        return await asyncio.wait_for(self.process.wait(), seconds)

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()


@asynccontextmanager
async def serving(spec: ChildSpec, log: Path) -> AsyncIterator[Served]:
    """Start a process and wait until it is ready."""
    if spec.before_start is not None:
        await spec.before_start()
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *bound(*spec.argv), cwd=spec.cwd, env={**inherited, **spec.env}, stdout=output, stderr=output
        )
    served = Served(process, log)
    try:

        async def is_ready() -> bool:
            assert process.returncode is None, log.read_text()
            return await spec.ready()

        await eventually(is_ready, spec.ready_timeout_seconds)
        yield served
    finally:
        if process.returncode is None:
            await served.kill()


def worker_of(gateway: Gateway, **worker: object) -> ChildSpec:
    """A worker beside the gateway's own processes, with settings of its own."""
    return serve_spec(gateway.servers, with_worker(gateway.settings, **worker), "worker")


def with_worker(settings: Settings, **worker: object) -> Settings:
    return settings.model_copy(update={"worker": settings.worker.model_copy(update=worker)})
