"""Identity of a child process, for stopping leftovers and no other process.

A process ID alone is not sufficient: the system reuses it. A record is trusted only if the process with the ID also
began at the recorded time and runs the recorded program.
"""

import json
import signal
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
import structlog

_CLOCK_SLACK_SECONDS = 2.0  # a start time is counted from boot, and that moment shifts when the clock is corrected
_KILL_WAIT_SECONDS = 5.0
_log = structlog.get_logger()


@dataclass(frozen=True)
class Identity:
    """One process: its ID, start (seconds since the epoch), program, and the signal that ends it in order."""

    pid: int
    create_time: float
    exe: str
    stop_signal: int

    @classmethod
    def of(cls, pid: int, stop_signal: signal.Signals, exe: str | None = None) -> "Identity":
        """Return the identity of a running process. ``exe`` for one that is about to execute its program.

        Raises:
            psutil.Error: if it has ended or can't be inspected.
        """
        process = psutil.Process(pid)
        return cls(pid, process.create_time(), exe or process.exe(), int(stop_signal))

    def process(self) -> psutil.Process | None:
        """Return the process, if it still is this one."""
        try:
            found = psutil.Process(self.pid)
            same = abs(found.create_time() - self.create_time) <= _CLOCK_SLACK_SECONDS
            same = same and found.exe().removesuffix(" (deleted)") == self.exe
            return found if same and found.status() != psutil.STATUS_ZOMBIE else None
        except psutil.Error:
            return None


def save(directory: Path, name: str, identity: Identity) -> None:
    """Record the identity of child ``name``."""
    temporary = directory / f".{name}.json"
    temporary.touch(0o600)
    temporary.write_text(json.dumps(asdict(identity)), encoding="ascii")
    temporary.replace(directory / f"{name}.json")


def forget(directory: Path, name: str) -> None:
    """Remove the record of child ``name``, which has ended."""
    (directory / f"{name}.json").unlink(missing_ok=True)


def load_all(directory: Path) -> dict[str, Identity]:
    """Return every readable record by the child's name."""
    found: dict[str, Identity] = {}
    for path in directory.glob("*.json"):
        try:
            found[path.stem] = Identity(**json.loads(path.read_text("ascii")))
        except (OSError, ValueError, TypeError):
            _log.warning("embedded.record_unreadable", child=path.stem)
    return found


def stop_leftovers(directory: Path, grace_seconds: float) -> tuple[str, ...]:
    """Stop leftovers of an earlier start with their descendants, and drop all records. Blocks; returns their names."""
    leftovers = {name: process for name, who in load_all(directory).items() if (process := who.process())}
    records = load_all(directory)
    families: list[psutil.Process] = []
    for name, process in leftovers.items():
        _log.warning("embedded.leftover_stopped", child=name, pid=process.pid)
        families += _family(process)
        _signal(process, records[name].stop_signal)
    psutil.wait_procs(list(leftovers.values()), timeout=grace_seconds)
    _, remaining = psutil.wait_procs(families, timeout=0)
    for process in remaining:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(remaining, timeout=_KILL_WAIT_SECONDS)
    for path in directory.glob("*.json"):
        path.unlink(missing_ok=True)
    return tuple(leftovers)


def kill_family(pid: int) -> None:
    """Kill a process that did not end in order, and its descendants."""
    try:
        family = _family(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return
    for process in family:
        _signal(process, signal.SIGKILL)


def _family(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return [process]


def _signal(process: psutil.Process, number: int) -> None:
    try:
        process.send_signal(number)  # checks once more that the ID was not reused
    except psutil.NoSuchProcess:
        return
