"""Starts processes through ``launch.py``, in a separate session and with a minimal environment."""

import asyncio
import contextlib
import os
import pwd
import signal
import sys
import threading
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import Mapping, Sequence
from pathlib import Path

from embedded.process.errors import EmbeddedError
from embedded.process.launch import EXIT_NAMESPACE_REFUSED

_LAUNCHER = Path(__file__).with_name("launch.py")
_INHERITED = ("PATH", "HOME", "LANG", "TMPDIR")


def postgres_accepts_user() -> bool:
    """Return True if PostgreSQL runs as this user: not as root, and ``initdb`` not under an ID without a name."""
    try:
        pwd.getpwuid(os.geteuid())
    except KeyError:
        return False
    return os.geteuid() != 0


def minimal_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a child, and ``extra``. The parent's may contain credentials that it does not need."""
    return {name: os.environ[name] for name in _INHERITED if name in os.environ} | dict(extra)


async def spawn(
    argv: Sequence[str],
    *,
    output: int,
    death_signal: signal.Signals,
    user_namespace: bool = False,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Process:
    """Start ``argv`` with its output in the file descriptor ``output``.

    Its process ID is that of the program: the launcher executes it in its own place. On Linux it gets ``death_signal``
    when the parent ends, which for the kernel is the end of the *thread* that started it: so only the main thread may.
    """
    if threading.current_thread() is not threading.main_thread():
        raise EmbeddedError("servers must be started from the main thread: they would end with any other thread")
    place = "user-namespace" if user_namespace else "host"
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", str(_LAUNCHER), str(os.getpid()), str(int(death_signal)), place, *argv),
        stdin=DEVNULL,
        stdout=output,
        stderr=STDOUT,
        env=minimal_environment(env or {}),
        cwd=cwd,
        start_new_session=True,
    )


async def run_to_end(argv: Sequence[str], *, log: Path, user_namespace: bool = False) -> int:
    """Run a short-lived tool and return its exit status. It does not outlive a cancellation."""
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        process = await spawn(argv, output=output, death_signal=signal.SIGKILL, user_namespace=user_namespace)
    finally:
        os.close(output)
    try:
        return await process.wait()
    except asyncio.CancelledError:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        raise


async def user_namespace_works() -> bool:
    """Return True if this process may enter a user namespace. Never on macOS, which has none."""
    if sys.platform != "linux":
        return False
    argv = (sys.executable, "-I", "-S", "-c", "")
    return await run_to_end(argv, log=Path(os.devnull), user_namespace=True) != EXIT_NAMESPACE_REFUSED
