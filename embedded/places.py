"""Paths of the single-machine stack's files for commands, and the settings that refer to them.

All files have mode 0600 in a directory of mode 0700. Services read none of them: they get response-wrapped credentials
of their own at each start.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from pydantic import BaseModel

from config import roles
from config.roles import ProcessRole
from config.settings import AppRoleSettings, Settings
from config.transport import is_loopback

_LOOPBACK = "127.0.0.1"
_DATABASE = "ASSAY_DATABASE__HOST or ASSAY_DATABASE__PORT"
Group = TypeVar("Group", bound=BaseModel)


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
    """Return ``settings`` with this machine's stack in each setting that the environment leaves unset.

    Credentials and the database's port belong to a server: they are this stack's only where the address is.
    """
    here = settings.embedded
    where = places(settings)
    vault = _completed(settings.vault, address=f"http://{_LOOPBACK}:{here.vault_port}")
    found: dict[str, Any] = {
        "database": _completed(settings.database, host=_LOOPBACK),
        "temporal": _completed(settings.temporal, address=f"{_LOOPBACK}:{here.temporal_port}"),
        "audit": _completed(settings.audit, archive_place=str(where.root / "archive")),
        "api": _completed(settings.api, spool_dir=where.root / "spool"),
    }
    if is_loopback(found["database"].host):
        found["database"] = _completed(found["database"], port=here.postgres_port)
    if here.temporal_ui:
        found["api"] = _completed(found["api"], ui_origin=f"http://{_LOOPBACK}:{here.temporal_ui_port}")
    if _is_own(urlsplit(vault.address).netloc, here.vault_port):
        approles = {role.name: _completed(vault.approle(role), **dict(where.approle(role))) for role in roles.ALL}
        vault = vault.model_copy(update=approles)
        found["provider_urls"] = {"local": f"http://{_LOOPBACK}:{here.model_port}/v1", **settings.provider_urls}
    return settings.model_copy(update={**found, "vault": vault})


def foreign_settings(settings: Settings) -> list[str]:
    """Return the settings that don't fit the started servers, each with a remedy."""
    local, here, where = local_settings(settings), settings.embedded, places(settings)
    vault, database = urlsplit(local.vault.address), local.database
    found = [
        f"{name} names another server than the one that is started: unset it, or set ASSAY_EMBEDDED__{port}_PORT"
        for name, port, address, own in (
            ("ASSAY_VAULT__ADDRESS", "VAULT", vault.netloc, here.vault_port),
            (_DATABASE, "POSTGRES", f"{database.host}:{database.port}", here.postgres_port),
            ("ASSAY_TEMPORAL__ADDRESS", "TEMPORAL", local.temporal.address, here.temporal_port),
        )
        if not _is_own(address, own)
    ]
    if vault.scheme == "https":
        found.append("ASSAY_VAULT__ADDRESS has https, and the server that is started has no TLS: unset it")
    if local.temporal.tls:
        found.append("ASSAY_TEMPORAL__TLS is set, and the server that is started has no TLS: unset it")
    for role in roles.ALL:
        own_files, files = where.approle(role), settings.vault.approle(role)
        for name in sorted(files.model_fields_set):
            if getattr(files, name) != getattr(own_files, name):
                setting = f"ASSAY_VAULT__{role.name}__{name}".upper()
                found.append(f"{setting} is set, and this stack issues its own credentials: unset it")
    return found


def _completed(group: Group, **values: object) -> Group:
    """Return a settings group with ``values`` in the fields that are not set."""
    unset = {name: value for name, value in values.items() if name not in group.model_fields_set}
    return group.model_copy(update=unset)


def _is_own(address: str, port: int) -> bool:
    """Test whether ``host:port`` is a port of this machine's loopback interface."""
    place = urlsplit(f"//{address}")
    return place.port == port and is_loopback(place.hostname or "")


def as_environment(settings: Settings) -> dict[str, str]:
    """Return the settings as environment variables for a child process. No setting is a secret."""
    values = settings.model_dump(mode="json", exclude={"embedded"})
    return {
        f"ASSAY_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
        for name, value in values.items()
    }
