"""deploy/compose/vault_setup.py against a real Vault API and a real PostgreSQL, as the compose file runs it."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

from assay_temporal.vault.login import AppRoleLogin
from config import roles
from config.settings import AppRoleSettings, EmbeddedSettings, Settings
from embedded.process.ports import unused_ports
from embedded.servers.group import EmbeddedServers
from tests.paths import ROOT


@dataclass
class Place:
    servers: EmbeddedServers
    settings: Settings
    directory: Path

    async def run(self, *arguments: str, given: str = "") -> tuple[int, str, str]:
        """Run a command of the image with the settings that the compose file would give it."""
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{ROOT}:{ROOT / 'sdk'}",
            "ASSAY_VAULT__ADDRESS": self.settings.vault.address,
            "ASSAY_DATABASE__PORT": str(self.settings.database.port),
            "ASSAY_VAULT__OPERATOR__ROLE_ID_FILE": str(self.directory / "operator_role_id"),
            "ASSAY_VAULT__OPERATOR__SECRET_ID_FILE": str(self.directory / "operator_secret_id"),
            "ASSAY_VAULT__OPERATOR__WRAPPED": "false",
        }
        if "setup" in arguments:
            environment["ASSAY_SUPERUSER_PASSWORD_FILE"] = str(self.directory / "superuser")
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, cwd=self.directory, env=environment, stdin=pipe, stdout=pipe, stderr=pipe
        )
        out, err = await process.communicate(given.encode())
        return process.returncode or 0, out.decode(), err.decode()

    def keep(self, printed: str) -> dict[str, str]:
        """``scripts/compose-secrets store``."""
        found = dict(line.split(" ") for line in printed.splitlines())
        for name, value in found.items():
            (self.directory / name).write_text(value)
        return found


@pytest.fixture(scope="module")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    directory = tmp_path_factory.mktemp("vault-setup")
    postgres, vault, cluster = unused_ports(3)
    embedded = EmbeddedSettings(
        data_dir=directory / "data", postgres_port=postgres, vault_port=vault, vault_cluster_port=cluster
    )
    servers = EmbeddedServers(Settings(embedded=embedded), only={"postgres", "openbao"})
    async with servers:
        (directory / "superuser").write_text(servers.postgres_superuser_password)
        for database, statement in (
            ("postgres", "CREATE DATABASE assay"),
            ("assay", (ROOT / "deploy/sql/roles.sql").read_text()),
        ):
            connection = await asyncpg.connect(
                host="127.0.0.1",
                port=postgres,
                user=servers.postgres_superuser,
                password=servers.postgres_superuser_password,
                database=database,
            )
            await connection.execute(statement)
            await connection.close()
        yield Place(servers, servers.client_settings(), directory)


SERVICES = tuple(role.name for role in roles.SERVING)
SCRIPT = str(ROOT / "deploy/compose/vault_setup.py")


async def test_it_sets_up_lets_everybody_in_and_may_be_repeated(place: Place) -> None:
    assert place.servers.postgres_superuser == "postgres", "as in the image of the compose file"
    for _ in range(2):
        code, out, err = await place.run(SCRIPT, "setup", given=place.servers.vault_root_token + "\n")
        assert code == 0, err
        found = place.keep(out)
        assert set(found) == {f"{who}_{what}_id" for who in ("operator", *SERVICES) for what in ("role", "secret")}
        assert place.servers.vault_root_token not in out + err

    code, out, err = await place.run("-m", "cli.main", "migrate", "--json")
    assert code == 0, out + err

    code, out, err = await place.run(SCRIPT, "issue")
    assert code == 0, err
    assert set(place.keep(out)) == {f"{who}_{what}_id" for who in SERVICES for what in ("role", "secret")}
    for name in SERVICES:
        files = AppRoleSettings(
            role_id_file=place.directory / f"{name}_role_id", secret_id_file=place.directory / f"{name}_secret_id"
        )
        token = await asyncio.to_thread(AppRoleLogin(place.settings.vault, files).login)
        assert token.value


async def test_a_wrong_token_sets_up_nothing(place: Place) -> None:
    code, out, _ = await place.run(SCRIPT, "setup", given="not-a-token\n")
    assert code != 0
    assert out == ""
