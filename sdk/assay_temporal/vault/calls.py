"""Calls of Vault's HTTP API for a key ring. Blocking: they run in the session's threads.

Paths are written as in Vault's documentation, and so as in policies.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import hvac

from assay_temporal.vault.client import answer_data


@dataclass(frozen=True, slots=True)
class KvSecret:
    """A secret of the versioned KV engine, and its version."""

    data: Mapping[str, Any] = field(repr=False)
    version: int


def read(client: hvac.Client, path: str) -> Mapping[str, Any] | None:
    """Return the data at ``path``, or None."""
    answer = client.read(path)
    return None if answer is None else answer_data(answer)


def write(client: hvac.Client, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Write to ``path``; return the answer's data."""
    return answer_data(client.write_data(path, data=dict(body)))


def kv_read(client: hvac.Client, mount: str, path: str) -> KvSecret | None:
    """Return the newest version of a secret. None if there is none, or it is deleted."""
    found = read(client, f"{mount}/data/{path}")
    if found is None or not isinstance(found.get("data"), dict):
        return None
    return KvSecret(found["data"], int(found["metadata"]["version"]))


def kv_write(client: hvac.Client, mount: str, path: str, secret: Mapping[str, Any], *, cas: int | None = None) -> None:
    """Write a version of a secret; with ``cas`` only after that version (0: only the first).

    Raises:
        InvalidRequest: another version was written in between.
    """
    options = {} if cas is None else {"cas": cas}
    write(client, f"{mount}/data/{path}", {"data": dict(secret), "options": options})
