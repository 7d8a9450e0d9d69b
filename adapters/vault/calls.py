"""Calls of Vault's HTTP API shared by adapters. Blocking: they run in the session's threads.

Paths are written as in Vault's documentation, and so as in the policies in ``deploy/vault``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import hvac

from assay_temporal.vault.calls import KvSecret, kv_read, kv_write, read, write
from assay_temporal.vault.client import answer_data

__all__ = [
    "DatabaseLease",
    "KvSecret",
    "ensure",
    "kv_delete",
    "kv_names",
    "kv_read",
    "kv_write",
    "lease_database",
    "read",
    "write",
]


@dataclass(frozen=True, slots=True)
class DatabaseLease:
    """A PostgreSQL login created by Vault, and its lifetime in seconds."""

    user: str
    password: str = field(repr=False)
    seconds: float


def kv_delete(client: hvac.Client, mount: str, path: str) -> None:
    """Remove a secret with all its versions. A repeat is a no-op."""
    client.delete(f"{mount}/metadata/{path}")


def kv_names(client: hvac.Client, mount: str, path: str) -> list[str]:
    """Return the names below ``path``."""
    answer = client.list(f"{mount}/metadata/{path}")
    return [] if answer is None else [str(name) for name in answer_data(answer)["keys"]]


def lease_database(client: hvac.Client, mount: str, role: str) -> DatabaseLease:
    """Lease a login."""
    answer: Any = client.read(f"{mount}/creds/{role}")
    data = answer_data(answer)
    return DatabaseLease(str(data["username"]), str(data["password"]), float(answer["lease_duration"]))


def ensure(client: hvac.Client, path: str, wanted: Mapping[str, Any]) -> bool:
    """Write ``wanted`` at ``path`` unless it is there already; return True if it was written."""
    found = read(client, path)
    if found is not None and all(found.get(name) == value for name, value in wanted.items()):
        return False
    client.write_data(path, data=dict(wanted))
    return True
