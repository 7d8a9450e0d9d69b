"""Paths of the single-machine stack's files for commands, and the settings that refer to them.

All files have mode 0600 in a directory of mode 0700. Services read none of them: they get response-wrapped credentials
of their own at each start.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config import roles
from config.roles import ProcessRole
from config.settings import AppRoleSettings, Settings

_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Places:
    """Paths below the data directory."""

    root: Path

    def approle(self, role: ProcessRole) -> AppRoleSettings:
        """Return the AppRole files of a role."""
        folder = self.root / "credentials"
        return AppRoleSettings(
            role_id_file=folder / f"{role.name}.role-id",
            secret_id_file=folder / f"{role.name}.secret-id",
            wrapped=role.serves,
        )

    def client(self, client_id: str) -> Path:
        """Return the credentials file of an OAuth client created on this machine."""
        return self.root / "clients" / f"{client_id}.json"

    def team(self, tenant: str, name: str) -> Path:
        """Return the folder with a team's Vault credentials created on this machine."""
        return self.root / "teams" / tenant / name


def places(settings: Settings) -> Places:
    """Return the data directory's paths, absolute."""
    return Places(settings.embedded.data_dir.resolve())


def local_settings(settings: Settings) -> Settings:
    """Return ``settings`` with this machine's stack in every group not set by the environment."""
    here = settings.embedded
    where = places(settings)
    approles = {role.name: where.approle(role) for role in roles.ALL}
    found: dict[str, Any] = {
        "vault": settings.vault.model_copy(update={"address": f"http://{_LOOPBACK}:{here.vault_port}", **approles}),
        "database": settings.database.model_copy(update={"host": _LOOPBACK, "port": here.postgres_port}),
        "temporal": settings.temporal.model_copy(update={"address": f"{_LOOPBACK}:{here.temporal_port}"}),
    }
    if "vault" not in settings.model_fields_set:  # else the commands are another installation's
        found["provider_urls"] = {"local": f"http://{_LOOPBACK}:{here.model_port}/v1"}
    missing = {name: value for name, value in found.items() if name not in settings.model_fields_set}
    edge: dict[str, Any] = {"spool_dir": where.root / "spool"}
    if here.temporal_ui:
        edge["ui_origin"] = f"http://{_LOOPBACK}:{here.temporal_ui_port}"
    if "archive_place" not in settings.audit.model_fields_set:
        missing["audit"] = settings.audit.model_copy(update={"archive_place": str(where.root / "archive")})
    unset = {name: value for name, value in edge.items() if name not in settings.api.model_fields_set}
    missing["api"] = settings.api.model_copy(update=unset)
    return settings.model_copy(update=missing)


def as_environment(settings: Settings) -> dict[str, str]:
    """Return the settings as environment variables for a child process. No setting is a secret."""
    values = settings.model_dump(mode="json", exclude={"embedded"})
    return {
        f"ASSAY_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
        for name, value in values.items()
    }
