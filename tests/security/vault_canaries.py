"""Secrets that are known to a test before Assay gets them from Vault: planted ahead of each start of a process."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from adapters.vault.calls import kv_write
from adapters.vault.errors import new_client
from config import roles
from config.settings import Settings
from embedded.places import local_settings, places
from embedded.process.child import ChildSpec
from embedded.process.files import write_private
from embedded.servers.group import EmbeddedServers
from embedded.stack import serve_spec

# Every login that Vault's database engine makes has this password: its policy knows one character.
DATABASE_PASSWORD = "Q" * 37
_PASSWORD_POLICY = f'length = {len(DATABASE_PASSWORD)}\nrule "charset" {{\n  charset = "Q"\n  min-chars = 1\n}}\n'


@dataclass
class VaultCanaries:
    """Starts Assay's process with a provider key, secret IDs and database passwords that the test knows.

    The process logs all that it ever would.

    Attributes:
        arguments: how Python is asked to run Assay.
        more: more of the environment.
    """

    arguments: Sequence[str] = ("-m", "cli.main")
    more: dict[str, str] = field(default_factory=dict)
    planted: dict[str, str] = field(default_factory=lambda: {"database password": DATABASE_PASSWORD})

    def __call__(self, servers: EmbeddedServers, settings: Settings, role: str) -> ChildSpec:
        """As ``serve_spec``."""
        spec = serve_spec(servers, settings, role)

        async def prepare() -> None:
            assert spec.before_start is not None
            await spec.before_start()
            self._plant(servers, settings)

        return replace(
            spec,
            argv=(spec.argv[0], *self.arguments, *spec.argv[3:]),
            env={
                **spec.env,
                "ASSAY_VAULT": _unwrapped(spec.env["ASSAY_VAULT"]),
                "ASSAY_LOG_LEVEL": "debug",
                **self.more,
            },
            before_start=prepare,
        )

    def _plant(self, servers: EmbeddedServers, settings: Settings) -> None:
        local = local_settings(settings)
        root = new_client(local.vault, servers.vault_root_token)
        root.write_data("sys/policies/password/canary", data={"policy": _PASSWORD_POLICY})
        root.write_data("database/config/assay", data={"password_policy": "canary"})
        key = self.planted.setdefault("provider's key", secrets.token_hex(24))
        kv_write(root, local.vault.kv_mount, "providers/local", {"api_key": key})
        for role in (roles.API, roles.WORKER):
            issued = root.auth.approle.generate_secret_id(role.approle)["data"]["secret_id"]
            self.planted[f"secret ID of the {role.name}"] = issued
            write_private(places(settings).approle(role).secret_id_file, issued.encode())
        root.adapter.close()


def _unwrapped(vault: str) -> str:
    """The settings of Vault, with secret IDs as they are: a wrapped one is known to its process alone."""
    found = json.loads(vault)
    for name in ("api", "worker"):
        found[name]["wrapped"] = False
    return json.dumps(found)
