"""scripts/compose-secrets: what it makes, what it keeps, who may read it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.paths import ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "a check out"
    (root / "scripts").mkdir(parents=True)
    (root / "deploy/compose").mkdir(parents=True)
    shutil.copy(ROOT / "scripts/compose-secrets", root / "scripts")
    shutil.copy(ROOT / "docker-compose.yml", root)
    return root


def _run(checkout: Path, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    command = [checkout / "scripts/compose-secrets", *arguments]
    return subprocess.run(command, input=given, capture_output=True, text=True, check=False)


def test_passwords_are_made_once_and_are_long(checkout: Path) -> None:
    assert _run(checkout).returncode == 0
    secrets = checkout / "deploy/compose/secrets"
    first = {path.name: path.read_text() for path in secrets.iterdir()}
    assert secrets.stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o777 == 0o644 for path in secrets.iterdir())
    assert len(first["assay_db_password"]) >= 40
    assert first["assay_db_password"] != first["temporal_db_password"]
    assert first["api_secret_id"] == ""
    _run(checkout)
    assert {path.name: path.read_text() for path in secrets.iterdir()} == first


def test_what_vault_issued_is_written_in_place(checkout: Path) -> None:
    _run(checkout)
    file = checkout / "deploy/compose/secrets/api_secret_id"
    inode = file.stat().st_ino
    done = _run(checkout, "store", given="api_role_id role\napi_secret_id s.wrapped\n")
    assert done.returncode == 0
    assert file.read_text() == "s.wrapped"
    assert file.stat().st_ino == inode, "a running container sees this very file"
    assert "s.wrapped" not in done.stdout + done.stderr


@pytest.mark.parametrize("given", ["", "../../escape x\n", "assay_db_password mine\n", "api_secret_id\n", "UP x\n"])
def test_anything_else_is_refused(checkout: Path, given: str) -> None:
    _run(checkout)
    before = {p.name: p.read_text() for p in (checkout / "deploy/compose/secrets").iterdir()}
    assert _run(checkout, "store", given=given).returncode != 0
    assert {p.name: p.read_text() for p in (checkout / "deploy/compose/secrets").iterdir()} == before


def test_the_names_are_those_of_the_compose_file(checkout: Path) -> None:
    _run(checkout)
    made = {path.name for path in (checkout / "deploy/compose/secrets").iterdir()}
    text = (ROOT / "docker-compose.yml").read_text()
    assert made == {line.split(":")[0].strip() for line in text.split("\nsecrets:\n")[1].splitlines() if line.strip()}
