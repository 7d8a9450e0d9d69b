"""One server process: start, readiness, end."""

import asyncio
import os
import signal
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import structlog

from embedded.process import identity
from embedded.process.errors import ChildFailedError
from embedded.process.layout import Layout
from embedded.process.ports import accepts_connections, listens
from embedded.process.spawn import spawn

_POLL_SECONDS = 0.02
_ATTEMPT_PAUSE_SECONDS = 0.5
_log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class ChildSpec:
    """Specification of a child process.

    Arguments:
        name: names its log and record; unique in a supervisor.
        argv: the program by its absolute path, and its arguments. Everyone may read these: never a secret.
        ready: polled until true; called only once the child itself listens on ``port``, so it may send a secret.
        env: in addition to PATH, HOME, LANG and TMPDIR, which it inherits. No secret either.
        before_start: awaited before each start, restarts included: new credentials, required files.
        stop_signal: ends it in order; also sent by the kernel when the supervisor dies (Linux).
        start_attempts: number of immediate starts of a child that ends before it is ready.
        user_namespace: run as an ordinary user in a separate namespace (Linux, as root).
    """

    name: str
    argv: tuple[str, ...]
    ready: Callable[[], Awaitable[bool]]
    port: int | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    before_start: Callable[[], Awaitable[None]] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_grace_seconds: float = 10.0
    ready_timeout_seconds: float = 30.0
    start_attempts: int = 1
    user_namespace: bool = False


class Child:
    """Runs a ``ChildSpec``. One process at a time; safe to cancel, after which ``stop`` still ends the process."""

    def __init__(self, spec: ChildSpec, layout: Layout) -> None:
        self.spec = spec
        self.ready = asyncio.Event()
        self._layout = layout
        self._process: Process | None = None

    @property
    def pid(self) -> int | None:
        """Return the ID of the running process, if there is one."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def start(self) -> None:
        """Start the process and wait until it is ready.

        Raises:
            ChildFailedError: if it ends before that, or is not ready in time.
        """
        for attempt in range(1, self.spec.start_attempts + 1):
            if self.spec.before_start is not None:
                await self.spec.before_start()
            try:
                await self._start_once()
            except ChildFailedError:
                if self.pid is not None or attempt == self.spec.start_attempts:
                    raise
                await asyncio.sleep(_ATTEMPT_PAUSE_SECONDS)
            else:
                return

    async def _start_once(self) -> None:
        output = self._layout.open_log(self.spec.name)
        try:
            process = await spawn(
                self.spec.argv,
                output=output,
                death_signal=self.spec.stop_signal,
                user_namespace=self.spec.user_namespace,
                env=self.spec.env,
                cwd=self.spec.cwd,
            )
        finally:
            os.close(output)
        self._process = process
        self._record(process.pid, exe=str(Path(self.spec.argv[0]).resolve()))  # noqa: ASYNC240 - a readlink or two
        try:
            async with asyncio.timeout(self.spec.ready_timeout_seconds):
                await self._until_ready(process)
        except TimeoutError:
            reason = f"was not ready after {self.spec.ready_timeout_seconds:g} s"
            raise ChildFailedError(self.spec.name, reason, self._layout.log(self.spec.name)) from None
        self._record(process.pid)  # the system's name for its program may differ from the executed path
        self.ready.set()

    async def _until_ready(self, process: Process) -> None:
        while not (await self._answers(process.pid) and process.returncode is None):
            if process.returncode is not None:
                reason = f"exited with code {process.returncode} before it was ready"
                raise ChildFailedError(self.spec.name, reason, self._layout.log(self.spec.name))
            await asyncio.sleep(_POLL_SECONDS)

    async def _answers(self, pid: int) -> bool:
        port = self.spec.port
        if port is not None and not (accepts_connections(port) and listens(pid, port)):
            return False
        return await self.spec.ready()

    def _record(self, pid: int, exe: str | None = None) -> None:
        try:
            identity.save(self._layout.run, self.spec.name, identity.Identity.of(pid, self.spec.stop_signal, exe))
        except psutil.NoSuchProcess:
            return  # it has ended already; its waiter will get the exit code

    async def exited(self) -> int | None:
        """Wait for the current process to end and return its exit code: negative for a signal, None if none runs."""
        if self._process is None:
            return None
        code = await self._process.wait()
        self.ready.clear()
        return code

    async def stop(self) -> None:
        """End the process in order, or by force after its grace period. Harmless if it does not run."""
        self.ready.clear()
        if (pid := self.pid) is not None:
            self._signal(self.spec.stop_signal)
            try:
                async with asyncio.timeout(self.spec.stop_grace_seconds):
                    await self.exited()
            except TimeoutError:
                _log.warning("embedded.killed", child=self.spec.name, pid=pid)
                identity.kill_family(pid)
                await self.exited()
        identity.forget(self._layout.run, self.spec.name)

    async def kill(self) -> None:
        """Send SIGKILL and wait for the end."""
        self._signal(signal.SIGKILL)
        await self.exited()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            try:
                self._process.send_signal(number)
            except ProcessLookupError:
                return
