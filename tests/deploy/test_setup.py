"""scripts/setup, with a Python whose pip notes what it is asked for."""

import fcntl
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.paths import ROOT

LOCKS = ["requirements-build.txt", "requirements.txt", "requirements-embedded.txt"]
TEST_LOCKS = ["requirements-test.txt", "requirements-checks.txt"]
CLIENTS_LOCK = "tests/clients/requirements.txt"
PYTHON = """#!/bin/sh
# "-m venv" makes an environment whose python is this very program; pip writes its arguments down.
case "$*" in
    *"-m venv"*) for made; do :; done; mkdir -p "$made/bin" && cp "$0" "$made/bin/python";;
    *"-m pip install"*) [ -f "{place}/broken" ] && exit 1; echo "$*" >> "{place}/calls";;
    *"import pip"*) echo pip;;
    *ensurepip*) [ ! -f "{place}/no-ensurepip" ];;
    *) exec "{python}" "$@";;
esac
"""


@dataclass
class Checkout:
    """A checkout with the script and lock files, in a path with a space."""

    root: Path
    place: Path

    def command(self, goal: str) -> list[str]:
        return ["env", f"PYTHON={self.place / 'python stub'}", str(self.root / "scripts/setup"), goal]

    def setup(self, goal: str = "run") -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command(goal), capture_output=True, text=True, check=False)

    def installed(self, goal: str = "run") -> list[str]:
        """Return pip's arguments in a setup that has to succeed: lock files, and '.' for the project."""
        calls = self.place / "calls"
        calls.unlink(missing_ok=True)
        done = self.setup(goal)
        assert done.returncode == 0, done.stderr
        words = calls.read_text().split() if calls.exists() else []
        return [word for word in words if word.endswith(".txt") or word == "."]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    root, place = tmp_path / "a check out", tmp_path / "place"
    (root / "scripts").mkdir(parents=True)
    (root / CLIENTS_LOCK).parent.mkdir(parents=True)
    place.mkdir()
    shutil.copy(ROOT / "scripts/setup", root / "scripts/setup")
    for name in (*LOCKS, *TEST_LOCKS, CLIENTS_LOCK, "pyproject.toml"):
        (root / name).write_text(f"# {name}\n")
    stub = place / "python stub"
    stub.write_text(PYTHON.format(place=place, python=sys.executable))
    stub.chmod(0o755)
    return Checkout(root, place)


def test_the_first_setup_installs_by_hash_and_the_second_has_nothing_to_do(checkout: Checkout) -> None:
    assert checkout.installed() == [*LOCKS, "."]
    for call in (checkout.place / "calls").read_text().splitlines()[:-1]:
        assert {"--no-deps", "--require-hashes", "--only-binary"} <= set(call.split())
    assert checkout.installed() == []
    (checkout.place / "python stub").unlink()
    assert checkout.installed() == [], "not even a Python is looked for"


def test_the_environment_of_the_demo_is_extended_for_the_tests(checkout: Checkout) -> None:
    checkout.installed()
    (checkout.root / ".venv/kept").touch()
    assert checkout.installed("test") == [*LOCKS, *TEST_LOCKS, "."]
    assert (checkout.root / ".venv/kept").exists()
    assert checkout.installed("run") == []


def test_clients_get_an_environment_of_their_own_without_the_project(checkout: Checkout) -> None:
    assert checkout.installed("clients") == ["requirements-build.txt", CLIENTS_LOCK]
    assert not (checkout.root / ".venv").exists()
    assert checkout.installed("clients") == []
    assert checkout.installed() == [*LOCKS, "."]


@pytest.mark.parametrize("name", ["requirements-build.txt", "requirements.txt", "pyproject.toml"])
def test_a_changed_file_is_installed(checkout: Checkout, name: str) -> None:
    checkout.installed()
    (checkout.root / name).write_text("# newer\n")
    assert name in [*checkout.installed(), "pyproject.toml"]
    assert checkout.installed() == []


def _interrupted(checkout: Checkout) -> None:
    (checkout.root / "requirements.txt").write_text("# newer\n")
    (checkout.place / "broken").touch()
    done = checkout.setup()
    assert done.returncode == 1
    assert "pip could not install" in done.stderr
    (checkout.place / "broken").unlink()


def _moved(checkout: Checkout) -> None:
    stamp = checkout.root / ".venv/assay-run.stamp"
    stamp.write_text(stamp.read_text().replace(str(checkout.root), "/elsewhere"))


def _half_made(checkout: Checkout) -> None:
    (checkout.root / ".venv/bin/python").write_text("")


@pytest.mark.parametrize("spoil", [_interrupted, _moved, _half_made])
def test_a_spoiled_environment_is_made_anew(checkout: Checkout, spoil: Callable[[Checkout], None]) -> None:
    checkout.installed()
    (checkout.root / ".venv/old").touch()
    spoil(checkout)
    (checkout.root / "requirements.txt").write_text("# newest\n")
    assert checkout.installed() == [*LOCKS, "."]
    assert not (checkout.root / ".venv/old").exists()
    assert checkout.installed() == []


def test_two_setups_take_turns(checkout: Checkout) -> None:
    calls = checkout.place / "calls"
    with (checkout.root / "scripts/setup").open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        second = subprocess.Popen(checkout.command("run"), stderr=subprocess.PIPE, text=True)
        assert second.stderr is not None
        assert "waiting for another setup" in second.stderr.readline()
        assert not calls.exists(), "nothing is installed while another setup holds the lock"
    assert second.wait(30) == 0
    second.stderr.close()
    assert "requirements.txt" in calls.read_text()


def test_an_old_python_is_explained(checkout: Checkout) -> None:
    (checkout.place / "python stub").write_text("#!/bin/sh\nexit 1\n")
    done = checkout.setup()
    assert done.returncode == 1
    assert "not Python 3.11 or newer" in done.stderr


def test_no_python_at_all_is_explained(checkout: Checkout, tmp_path: Path) -> None:
    bare = tmp_path / "bin"
    bare.mkdir()
    for name in ("bash", "env", "dirname", "cat", "cksum"):
        found = shutil.which(name)
        assert found is not None
        (bare / name).symlink_to(found)
    done = subprocess.run(
        [checkout.root / "scripts/setup"], env={"PATH": str(bare)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "python3-venv" in done.stderr
    assert not (checkout.root / ".venv").exists()


def test_a_python_without_venv_is_explained(checkout: Checkout) -> None:
    (checkout.place / "no-ensurepip").touch()
    done = checkout.setup()
    assert done.returncode == 1
    assert "apt install python3-venv" in done.stderr
    assert not (checkout.root / ".venv").exists()
