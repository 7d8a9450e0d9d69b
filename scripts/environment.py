"""Makes and extends ``.venv`` from the hash-locked requirements files. Standard library only; called by scripts/setup.

``ready GOAL`` exits 0 if nothing is left to do; ``make GOAL`` does what is left. A stamp in the environment holds the
hash of every lock file installed. An interrupted installation leaves a mark, so the next one repairs what it left.
"""

import fcntl
import hashlib
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RUN = ("requirements-build.txt", "requirements.txt", "requirements-embedded.txt")
GOALS = {"run": RUN, "test": (*RUN, "requirements-test.txt", "requirements-checks.txt")}
PROJECT = "pyproject.toml"
HEARTBEAT_SECONDS = 10.0
SUPPORTED = {("Linux", "x86_64"), ("Linux", "aarch64"), ("Darwin", "arm64")}


class SetupError(Exception):
    """The environment can't be made; the text tells the reader what to do."""


class Environment:
    """The virtual environment of one checkout."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.path = root / ".venv"
        self.python = self.path / "bin" / "python"
        self._stamp = self.path / "assay-lock.json"
        self._unfinished = self.path / "assay-unfinished.json"

    def missing(self, goal: str) -> list[str]:
        """Files of ``goal`` that are not installed in their present form. The project itself comes last."""
        stamp = self._read(self._stamp)
        if stamp.get("root") != str(self.root):  # a checkout that was moved: scripts name the old place
            return [*GOALS[goal], PROJECT]
        files = stamp.get("files", {})
        return [name for name in (*GOALS[goal], PROJECT) if files.get(name) != self._digest(name)]

    def is_ready(self, goal: str) -> bool:
        """Whether everything for ``goal`` is installed, and no installation was interrupted."""
        return not self._unfinished.exists() and not self.missing(goal)

    def make(self, goal: str) -> None:
        """Create or repair the environment and install what ``goal`` lacks. One process at a time.

        Raises:
            SetupError: if Python lacks a module that is needed, or pip fails.
        """
        with Path(__file__).open("rb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say("another setup of this checkout is under way; waiting for it")
                fcntl.flock(lock, fcntl.LOCK_EX)
            if self.is_ready(goal):
                return
            os.set_inheritable(lock.fileno(), True)  # a pip that outlives us still holds the lock
            self._ensure_created()
            self._install(goal)

    def _ensure_created(self) -> None:
        if self.path.exists() and not self._works():
            say("the environment in .venv is incomplete, too old or was moved: making it anew")
            shutil.rmtree(self.path)
        if self.path.exists():
            return
        if missing := [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]:
            version = "{}.{}".format(*sys.version_info)
            raise SetupError(
                f"{sys.executable} lacks the standard module {missing[0]}.\n"
                f"  Debian, Ubuntu: apt install python3-venv (or python{version}-venv)"
            )
        say(f"making .venv with Python {platform.python_version()}")
        subprocess.run([sys.executable, "-I", "-m", "venv", str(self.path)], check=True, stdin=subprocess.DEVNULL)

    def _works(self) -> bool:
        """Whether the environment's Python runs, is new enough, has pip, and stands where it was made."""
        if self._read(self._stamp).get("root", str(self.root)) != str(self.root):
            return False
        probe = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
        try:
            done = subprocess.run([str(self.python), "-I", "-c", probe], capture_output=True, check=False)
        except OSError:
            return False
        return done.returncode == 0

    def _install(self, goal: str) -> None:
        missing = self.missing(goal)
        torn = set(self._read(self._unfinished).get("files", []))
        wanted = [name for name in (*GOALS[goal], PROJECT) if name in missing or name in torn]
        if not wanted:  # torn files of the other goal: repair them when it is asked for
            return
        self._write(self._unfinished, {"files": sorted(torn | set(wanted))})
        locks = [name for name in wanted if name != PROJECT]
        # Build tools first: they bring the pip that installs the rest, the same one on every machine.
        for step in ([n for n in locks if n == RUN[0]], [n for n in locks if n != RUN[0]]):
            if step:
                repair = ["--force-reinstall"] if torn & set(step) else []
                files = [part for name in step for part in ("-r", name)]
                say("installing " + ", ".join(step))
                self._pip([*repair, "--no-deps", "--require-hashes", "--only-binary", ":all:", *files])
        say("installing assay itself, in editable form")
        self._pip(["--no-deps", "--no-build-isolation", "-e", "."])
        files = self._read(self._stamp).get("files", {}) | {name: self._digest(name) for name in (*wanted, PROJECT)}
        self._write(self._stamp, {"root": str(self.root), "files": files})
        left = sorted(torn - set(wanted))
        if left:
            self._write(self._unfinished, {"files": left})
        else:
            self._unfinished.unlink(missing_ok=True)

    def _pip(self, arguments: Sequence[str]) -> None:
        command = [str(self.python), "-I", "-m", "pip", "install", *arguments]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON") and k != "PIP_TARGET"}
        environment |= {
            "PIP_ROOT_USER_ACTION": "ignore",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_NO_INPUT": "1",
            "PIP_USER": "0",
        }
        run = run_showing_progress if sys.stderr.isatty() else run_with_heartbeat
        if run(command, self.root, environment) != 0:
            text = "pip could not install the locked packages; run the same command again to go on."
            if (platform.system(), platform.machine()) not in SUPPORTED:
                text += "\n  The wheels exist for Linux on x86-64 and arm64 and for macOS on arm64."
            raise SetupError(text)

    def _digest(self, name: str) -> str:
        return hashlib.sha256((self.root / name).read_bytes()).hexdigest()

    @staticmethod
    def _read(path: Path) -> dict[str, Any]:
        with suppress(OSError, ValueError):
            content = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(content, dict):
                return content
        return {}

    @staticmethod
    def _write(path: Path, content: dict[str, Any]) -> None:
        """Write all or nothing."""
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps(content, indent=1), encoding="utf-8")
        draft.replace(path)


def say(text: str) -> None:
    """One line for the reader; the output of commands is left to them."""
    print(f"setup: {text}", file=sys.stderr, flush=True)


def run_showing_progress(command: Sequence[str], cwd: Path, env: dict[str, str]) -> int:
    """Run pip with its own progress bar on the terminal."""
    return subprocess.run(
        command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False
    ).returncode


def run_with_heartbeat(command: Sequence[str], cwd: Path, env: dict[str, str]) -> int:
    """Run pip where there is no terminal: name each download, and say now and then that it still works."""
    started = time.monotonic()
    finished = threading.Event()

    def beat() -> None:
        while not finished.wait(HEARTBEAT_SECONDS):
            say(f"still installing, {time.monotonic() - started:.0f} s so far")

    process = subprocess.Popen(
        [*command, "--progress-bar", "off"],
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        close_fds=False,
    )
    threading.Thread(target=beat, daemon=True).start()
    lines = []
    try:
        for line in process.stdout or ():
            lines.append(line.rstrip())
            if line.lstrip().startswith(("Downloading ", "Installing collected packages")):
                say(line.strip().split(":", 1)[0])
        code = process.wait()
    finally:
        finished.set()
        if process.poll() is None:
            process.terminate()
            process.wait()
    if code != 0:
        print("\n".join(lines[-40:]), file=sys.stderr)
    return code


def main(arguments: Sequence[str]) -> int:
    """Entry point; see the module's text."""
    match arguments:
        case [("ready" | "make") as order, goal] if goal in GOALS:
            pass
        case _:
            say(f"usage: environment.py ready|make {'|'.join(GOALS)}")
            return 2
    environment = Environment(ROOT)
    if order == "ready":
        return 0 if environment.is_ready(goal) else 1
    try:
        environment.make(goal)
    except SetupError as error:
        say(str(error))
        return 1
    except subprocess.CalledProcessError as error:
        say(f"{error.cmd[-2]} failed with status {error.returncode}: remove .venv and run the same command again")
        return 1
    except KeyboardInterrupt:
        say("interrupted; run the same command again to go on")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
