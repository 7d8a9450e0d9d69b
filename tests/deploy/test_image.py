"""deploy/Dockerfile and what may get into the image."""

import re
import subprocess
import sys
from pathlib import Path

from tests.paths import ROOT

DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text()
IGNORED = (ROOT / ".dockerignore").read_text().splitlines()


def _instructions(name: str) -> list[str]:
    joined = re.sub(r"\\\n\s*", " ", DOCKERFILE)
    return [line.partition(" ")[2] for line in joined.splitlines() if line.startswith(f"{name} ")]


def test_hadolint_finds_nothing() -> None:
    linter = Path(sys.executable).parent / "hadolint"
    done = subprocess.run([linter, "deploy/Dockerfile"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_base_images_are_pinned() -> None:
    bases = _instructions("FROM")
    assert bases
    assert all(re.match(r"python:\d+\.\d+\.\d+-slim-\w+ AS \w+$", base) for base in bases)


def test_it_runs_as_an_unprivileged_user() -> None:
    assert _instructions("USER")[-1] == "1001:1001"


def test_packages_come_from_the_lock_alone() -> None:
    installs = [run for run in _instructions("RUN") if "pip install" in run]
    assert len(installs) == 1
    assert {"--no-deps", "--require-hashes", "--only-binary"} <= set(installs[0].split())


def test_no_secret_in_an_environment_or_argument() -> None:
    named = " ".join(_instructions("ENV") + _instructions("ARG"))
    assert not re.search(r"PASSWORD|SECRET|TOKEN|KEY|CREDENTIAL", named, re.IGNORECASE)


def test_the_build_fails_on_a_pth_file() -> None:
    assert any("*.pth" in run and "exit 1" in run for run in _instructions("RUN"))


def test_it_stops_and_is_watched_as_a_service_should() -> None:
    assert _instructions("STOPSIGNAL") == ["SIGTERM"]
    assert "/healthz" in _instructions("HEALTHCHECK")[0]
    assert _instructions("ENTRYPOINT") == ['["python", "-m", "cli.main"]']


def test_the_context_is_an_allow_list_without_tests_or_secrets() -> None:
    assert next(line for line in IGNORED if line and not line.startswith("#")) == "*"
    allowed = {line[1:] for line in IGNORED if line.startswith("!")}
    assert all((ROOT / path).exists() for path in allowed), "each of them exists"
    assert not allowed & {"tests", ".git", ".venv", "deploy", "deploy/compose", "benchmarks"}
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks", "training"}
    assert packages <= allowed, "nothing that is imported is missing"
