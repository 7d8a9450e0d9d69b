"""Settings of the single-machine stack: each that is set counts by itself, the others are the stack's."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from config import roles
from config.settings import Settings
from embedded.places import foreign_settings, local_settings, places
from embedded.process.errors import ForeignSettingsError
from embedded.stack import servers_of
from tests.command import run_assay

GROUPS = ("api", "vault", "database", "temporal", "tokens", "worker", "audit", "onnx")
LEADING = {
    "ASSAY_VAULT__ADDRESS": "https://vault.example:8200",
    "ASSAY_DATABASE__HOST": "db.example",
    "ASSAY_DATABASE__PORT": "6000",
    "ASSAY_TEMPORAL__ADDRESS": "127.0.0.1:9",
    "ASSAY_VAULT__API__ROLE_ID_FILE": "/elsewhere/role-id",
    "ASSAY_VAULT__OPERATOR__WRAPPED": "true",
}
"""Settings that lead away from the stack's own servers or credentials."""


def variables() -> Iterator[tuple[str, str]]:
    """Every variable of a setting in a group, with the setting's default."""
    defaults = Settings()
    for group in GROUPS:
        for name, value in getattr(defaults, group).model_dump(mode="json").items():
            of_role = value.items() if isinstance(value, dict) else [(None, value)]
            for inner, found in of_role:
                variable = "__".join(filter(None, (f"ASSAY_{group}", name, inner))).upper()
                if found is not None and variable not in _PLACES:
                    yield variable, found if isinstance(found, str) else json.dumps(found)


_PLACES = {
    *LEADING,
    *("ASSAY_API__SPOOL_DIR", "ASSAY_AUDIT__ARCHIVE_PLACE"),
    *(f"ASSAY_VAULT__{role.name.upper()}__WRAPPED" for role in roles.ALL),
}


@pytest.fixture(autouse=True)
def ports(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A stack on other ports than the defaults of the servers' settings."""
    for name, port in (("POSTGRES", 16433), ("VAULT", 18200), ("TEMPORAL", 17233), ("TEMPORAL_UI", 18233)):
        monkeypatch.setenv(f"ASSAY_EMBEDDED__{name}_PORT", str(port))
    monkeypatch.setenv("ASSAY_EMBEDDED__DATA_DIR", str(tmp_path / "data"))


def places_of(settings: Settings) -> dict[str, Any]:
    """Return the settings that lead to the stack's servers and files."""
    found = {
        "vault": settings.vault.address,
        "database": (settings.database.host, settings.database.port),
        "temporal": settings.temporal.address,
        "spool": settings.api.spool_dir,
        "ui": settings.api.ui_origin,
        "archive": settings.audit.archive_place,
        "model": settings.provider_urls,
    }
    return found | {role.name: settings.vault.approle(role) for role in roles.ALL}


@pytest.mark.parametrize(("variable", "value"), list(variables()))
def test_a_setting_changes_no_other(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    expected = places_of(local_settings(Settings()))
    monkeypatch.setenv(variable, value)
    settings = Settings()
    assert any(getattr(settings, group).model_fields_set for group in GROUPS)
    assert places_of(local_settings(settings)) == expected
    assert foreign_settings(settings) == []


def test_the_sample_values_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_DATABASE__POOL_SIZE", "4")
    monkeypatch.setenv("ASSAY_VAULT__TIMEOUT_SECONDS", "15")
    found = local_settings(Settings())
    assert (found.database.port, found.database.pool_size) == (16433, 4)
    assert (found.vault.address, found.vault.timeout_seconds) == ("http://127.0.0.1:18200", 15)
    assert found.vault.approle(roles.API) == places(Settings()).approle(roles.API)


def test_a_part_of_a_roles_credentials_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_VAULT__API__ROLE_ID_FILE", "/elsewhere/role-id")
    found, own = local_settings(Settings()).vault.approle(roles.API), places(Settings()).approle(roles.API)
    assert found.role_id_file == Path("/elsewhere/role-id")
    assert found.secret_id_file == own.secret_id_file


def test_a_provider_leaves_the_local_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_PROVIDER_URLS", '{"other": "https://models.example/v1"}')
    assert local_settings(Settings()).provider_urls.keys() == {"local", "other"}


def test_another_vault_gets_no_credentials_of_this_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_VAULT__ADDRESS", "https://vault.example:8200")
    found = local_settings(Settings())
    assert all(found.vault.approle(role).secret_id_file is None for role in roles.ALL)
    assert found.provider_urls == {}


def test_the_port_of_this_stack_is_no_other_hosts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_DATABASE__HOST", "db.example")
    assert local_settings(Settings()).database.port == 5433
    monkeypatch.setenv("ASSAY_DATABASE__HOST", "localhost")
    assert local_settings(Settings()).database.port == 16433


@pytest.mark.parametrize("variable", LEADING)
def test_other_servers_and_credentials_are_named_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, LEADING[variable])
    with pytest.raises(ForeignSettingsError, match=variable):
        servers_of(Settings())
    assert not places(Settings()).root.exists()


def test_the_same_server_by_another_name_is_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_VAULT__ADDRESS", "http://localhost:18200")
    monkeypatch.setenv("ASSAY_DATABASE__HOST", "localhost")
    monkeypatch.setenv("ASSAY_TEMPORAL__ADDRESS", "localhost:17233")
    assert foreign_settings(Settings()) == []


def test_temporal_with_tls_is_another_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_TEMPORAL__TLS", "true")
    [found] = foreign_settings(Settings())
    assert "ASSAY_TEMPORAL__TLS" in found


@pytest.mark.parametrize("command", ["up", "demo"])
async def test_the_command_names_them_without_a_traceback(tmp_path: Path, command: str) -> None:
    settings = Settings()
    code, _, errors = await run_assay(settings, command, more={"ASSAY_VAULT__ADDRESS": "http://127.0.0.1:9"})
    assert code == 1
    assert "ASSAY_VAULT__ADDRESS" in errors
    assert "Traceback" not in errors


async def test_a_command_names_the_missing_credentials(tmp_path: Path) -> None:
    more = {"ASSAY_VAULT__ADDRESS": "http://127.0.0.1:9"}
    code, _, errors = await run_assay(Settings(), "tenant", "list", more=more)
    assert code == 1
    for part in ("no file is configured for the AppRole role ID", "ASSAY_VAULT__OPERATOR__ROLE_ID_FILE"):
        assert part in errors
    assert "Traceback" not in errors


def test_groups_are_all_that_have_settings_of_processes() -> None:
    groups = {name for name, value in Settings() if isinstance(value, BaseModel)}
    assert groups == {*GROUPS, "embedded"}
