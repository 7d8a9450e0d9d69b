"""``python -m benchmarks.edge.api_keys``: verification of API keys, without a server.

Measures one key in use, keys that fail their checksum, a wrong key that is known, and keys that the process has not
seen. The store and the clients are in memory, so the last is the work besides a query. One thread, each call alone.
"""

import asyncio
import contextlib
import os
import secrets
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table

from adapters.postgres.encryption.api_key_grants import GrantEncrypter
from adapters.system.clock import SystemClock
from adapters.vault.identity import DerivedIdentityKeys
from assay_temporal.keyring import DataKey
from benchmarks.tools.figures import percentile
from domain.access.api_keys import (
    HASH_PURPOSE,
    ApiKey,
    KeyGrant,
    KeyLimits,
    KeyTimes,
    SealedApiKey,
    key_hash,
    new_key,
)
from domain.access.clients import ClientEntry
from domain.refusals import Refusal
from services.api_keys.authentication import ApiKeyAuthentication
from services.api_keys.last_use import LastUses

USED: Final = "a key in use"
DEMANDED_US: Final = {USED: 100.0}
"""Maximum of the median, in microseconds."""
_LIMITS: Final = KeyLimits(timedelta(days=365), 20, timedelta(0))
_ADDRESS: Final = "192.0.2.1"


class LocalKeys:
    """Identity keys and data keys of one process."""

    def __init__(self) -> None:
        self._derived = DerivedIdentityKeys(os.urandom(32))
        self._data_key = DataKey("acme", secrets.token_hex(16), os.urandom(32))

    async def tenant_key(self, tenant: str) -> bytes:
        """See ``IdentityKeys``."""
        return self._derived.of_tenant(tenant)

    async def hash_client_secret(self, client_id: str, secret: str) -> str:
        """See ``IdentityKeys``."""
        return self._derived.of_client_secret(client_id, secret)

    async def installation_key(self, purpose: str) -> bytes:
        """See ``IdentityKeys``."""
        return self._derived.of_installation(purpose)

    async def current(self, tenant: str) -> DataKey:
        """See ``KeyRing``."""
        return self._data_key

    async def by_id(self, tenant: str, key_id: str) -> DataKey:
        """See ``KeyRing``."""
        return self._data_key


class StoredKeys:
    """Keys and their client in memory: the part of the ports that verification calls."""

    def __init__(self, keys: LocalKeys) -> None:
        self._keys = keys
        self._grants = GrantEncrypter(keys, keys)
        self._rows: dict[str, SealedApiKey] = {}

    async def add(self) -> str:
        """Store a new key; return its text."""
        new, now = new_key(os.urandom), datetime.now(UTC)
        grant = KeyGrant("app", "client:app", ("ai_operator",), "a benchmark's", ("smollm2",), 60)
        times = KeyTimes(now, now + timedelta(days=90))
        key = ApiKey(new.id, "acme", "c" * 32, "5" * 64, new.id, grant, times)
        hash_key = await self._keys.installation_key(HASH_PURPOSE)
        self._rows[new.id] = await self._grants.seal(key, key_hash(hash_key, new.text))
        return new.text

    async def find(self, key_id: str) -> SealedApiKey | None:
        """See ``ApiKeyStore``."""
        return self._rows.get(key_id)

    async def open(self, key: SealedApiKey) -> KeyGrant | None:
        """See ``ApiKeyStore``."""
        return await self._grants.open(key)

    async def get(self, client_id: str) -> ClientEntry:
        """See ``ClientDirectory``."""
        return ClientEntry(client_id, "acme", "client:app", ("ai_operator",), "", "")


async def measured(calls: int) -> dict[str, list[float]]:
    """Return microseconds of each call by operation."""
    keys = LocalKeys()
    stored: Any = StoredKeys(keys)
    process = ApiKeyAuthentication(
        stored, stored, keys, lambda _: _LIMITS, LastUses(stored), SystemClock(), os.urandom(32)
    )
    used, wrong = await stored.add(), new_key(os.urandom).text
    unseen = iter([await stored.add() for _ in range(calls)])
    operations: dict[str, Callable[[], str]] = {
        USED: lambda: used,
        "a key that fails its checksum": lambda: used[:-1] + "-",
        "a wrong key that is known": lambda: wrong,
        "a key not seen before, without its query": lambda: next(unseen),
    }
    return {name: await _timed(process.principal, text, calls) for name, text in operations.items()}


async def _timed(verify: Callable[[str, str], Awaitable[object]], text: Callable[[], str], calls: int) -> list[float]:
    found = []
    for _ in range(calls):
        credential = text()
        begun = time.perf_counter()
        with contextlib.suppress(Refusal):
            await verify(credential, _ADDRESS)
        found.append((time.perf_counter() - begun) * 1e6)
    return found


def main(
    calls: Annotated[int, typer.Option(help="Calls of each operation.")] = 5000,
    demand: Annotated[bool, typer.Option("--demand", help="Exit code 1 if a demanded figure is not reached.")] = False,
) -> None:
    """Print the figures."""
    found = asyncio.run(measured(calls))
    table = Table(title="Verification of API keys, microseconds", title_justify="left", box=None)
    for column in ("operation", "median", "99th percentile"):
        table.add_column(column, justify="left" if column == "operation" else "right")
    for name, values in found.items():
        table.add_row(name, f"{percentile(values, 50):.1f}", f"{percentile(values, 99):.1f}")
    Console(width=160).print(table)
    failed = [name for name, most in DEMANDED_US.items() if percentile(found[name], 50) > most]
    if demand and failed:
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
