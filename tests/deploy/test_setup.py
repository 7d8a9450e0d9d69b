"""scripts/setup and scripts/environment.py, with a pip that notes what it is asked for."""

import fcntl
import importlib.util
import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType

import pytest

from tests.paths import ROOT

LOCKS = ("requirements-build.txt", "requirements.txt", "requirements-embedded.txt")
TEST_LOCKS = ("requirements-test.txt", "requirements-checks.txt")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with the scripts and lock files, in a path with a space."""
    root = tmp_path / "a check out"
    (root / "scripts").mkdir(parents=True)
    for name in ("setup", "environment.py"):
        shutil.copy(ROOT / "scripts" / name, root / "scripts" / name)
    for name in (*LOCKS, *TEST_LOCKS, "pyproject.toml"):
        (root / name).write_text(f"# {name}\n")
    return root


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with pip in it. Making one takes seconds, copying it does not."""
    path = tmp_path_factory.mktemp("made") / ".venv"
    subprocess.run([sys.executable, "-I", "-m", "venv", path], check=True)
    return path


@pytest.fixture
def furnished(checkout: Path, made: Path) -> Path:
    """A checkout whose environment exists, with nothing installed."""
    shutil.copytree(made, checkout / ".venv", symlinks=True)
    return checkout


class Pip:
    """Stands for pip in one checkout: keeps the arguments, and fails when told to."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.fails_on = ""

    def files(self) -> list[str]:
        """Every lock file that was asked for, in order."""
        return [argument for call in self.calls for argument in call if argument.endswith(".txt")]


@pytest.fixture
def pip() -> Pip:
    return Pip()


@pytest.fixture
def module(checkout: Path, pip: Pip, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The checkout's own scripts/environment.py."""
    spec = importlib.util.spec_from_file_location("setup_environment", checkout / "scripts/environment.py")
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)

    def install(_self: object, arguments: list[str]) -> None:
        if pip.fails_on and pip.fails_on in arguments:
            raise KeyboardInterrupt
        pip.calls.append(list(arguments))

    monkeypatch.setattr(loaded.Environment, "_pip", install)
    return loaded


def _ready(checkout: Path, goal: str) -> int:
    command = [checkout / "scripts/setup", goal]
    done = subprocess.run(
        command, env={"PATH": "/usr/bin:/bin", "PYTHON": "/nonexistent"}, capture_output=True, check=False
    )
    return done.returncode


def test_the_first_run_installs_and_the_second_has_nothing_to_do(checkout: Path, module: ModuleType, pip: Pip) -> None:
    environment = module.Environment(checkout)
    assert not environment.is_ready("run")
    environment.make("run")
    assert pip.files() == list(LOCKS)
    assert pip.calls[-1][-2:] == ["-e", "."]
    for call in pip.calls[:-1]:
        assert {"--no-deps", "--require-hashes", "--only-binary"} <= set(call)
    pip.calls.clear()
    environment.make("run")
    assert pip.calls == []
    assert _ready(checkout, "run") == 0, "without looking for a Python: the one named does not exist"


def test_the_environment_of_the_demo_is_extended_for_the_tests(furnished: Path, module: ModuleType, pip: Pip) -> None:
    environment = module.Environment(furnished)
    environment.make("run")
    kept = (furnished / ".venv/kept").resolve()
    kept.touch()
    pip.calls.clear()
    environment.make("test")
    assert pip.files() == list(TEST_LOCKS)
    assert kept.exists()
    assert environment.is_ready("run")


def test_a_changed_lock_is_installed_alone(furnished: Path, module: ModuleType, pip: Pip) -> None:
    environment = module.Environment(furnished)
    environment.make("run")
    pip.calls.clear()
    (furnished / "requirements.txt").write_text("# newer\n")
    assert not environment.is_ready("run")
    environment.make("run")
    assert pip.files() == ["requirements.txt"]
    assert environment.is_ready("run")


def test_an_interrupted_installation_is_repaired(furnished: Path, module: ModuleType, pip: Pip) -> None:
    environment = module.Environment(furnished)
    pip.fails_on = "requirements.txt"
    with pytest.raises(KeyboardInterrupt):
        environment.make("run")
    assert not environment.is_ready("run")
    assert _ready(furnished, "run") != 0
    pip.fails_on = ""
    pip.calls.clear()
    environment.make("run")
    assert pip.files() == list(LOCKS)
    assert all("--force-reinstall" in call for call in pip.calls if "-r" in call)
    assert environment.is_ready("run")


def test_a_half_made_environment_is_made_anew(checkout: Path, module: ModuleType, pip: Pip) -> None:
    (checkout / ".venv/bin").mkdir(parents=True)
    (checkout / ".venv/bin/python").write_text("")
    module.Environment(checkout).make("run")
    assert pip.files() == list(LOCKS)
    assert (checkout / ".venv/pyvenv.cfg").exists()


def test_a_moved_checkout_gets_a_new_environment(furnished: Path, module: ModuleType, pip: Pip) -> None:
    environment = module.Environment(furnished)
    environment.make("run")
    stamp = furnished / ".venv/assay-lock.json"
    stamp.write_text(json.dumps(json.loads(stamp.read_text()) | {"root": "/elsewhere"}))
    (furnished / ".venv/old").touch()
    assert not environment.is_ready("run")
    environment.make("run")
    assert not (furnished / ".venv/old").exists()


def test_two_setups_take_turns(furnished: Path, module: ModuleType, pip: Pip) -> None:
    environment = module.Environment(furnished)
    environment.make("run")
    (furnished / "requirements.txt").write_text("# newer\n")
    pip.calls.clear()
    with (furnished / "scripts/environment.py").open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        second = threading.Thread(target=environment.make, args=("run",))
        second.start()
        second.join(0.3)
        assert second.is_alive()
        assert pip.calls == [], "nothing is installed while another setup holds the lock"
    second.join(30)
    assert pip.files() == ["requirements.txt"]


def _stub(directory: Path, text: str) -> Path:
    stub = directory / "python stub"
    stub.write_text(f"#!/bin/sh\n{text}\n")
    stub.chmod(0o755)
    return stub


def test_an_old_python_is_explained(checkout: Path, tmp_path: Path) -> None:
    stub = _stub(tmp_path, "exit 1")
    environment = {"PATH": "/usr/bin:/bin", "PYTHON": str(stub)}
    done = subprocess.run([checkout / "scripts/setup"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "3.11 or newer" in done.stderr


def test_no_python_at_all_is_explained(checkout: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bin"
    bare.mkdir()
    for name in ("sh", "dirname", "cat"):
        found = shutil.which(name)
        assert found is not None
        (bare / name).symlink_to(found)
    done = subprocess.run(
        [checkout / "scripts/setup"], env={"PATH": str(bare)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "python3-venv" in done.stderr
    assert not (checkout / ".venv").exists()


def test_a_python_without_venv_is_explained(checkout: Path, tmp_path: Path) -> None:
    hide = (
        "import sys, importlib.util as u, runpy; real = u.find_spec; "
        "u.find_spec = lambda n, *a: None if n == 'ensurepip' else real(n, *a); sys.argv = sys.argv[1:]; "
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    stub = _stub(
        tmp_path, f'case "$*" in *environment.py*) shift; exec "{sys.executable}" -c "{hide}" "$@";; *) exit 0;; esac'
    )
    environment = {"PATH": "/usr/bin:/bin", "PYTHON": str(stub)}
    done = subprocess.run([checkout / "scripts/setup"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "ensurepip" in done.stderr
    assert "apt install python3-venv" in done.stderr
    assert not (checkout / ".venv").exists()
