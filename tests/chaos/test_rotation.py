"""Keys and logins are replaced while requests are served, unnoticed by callers."""

import asyncio
from collections import Counter

import hvac
import jwt
import pytest

from adapters.vault.calls import read
from adapters.vault.errors import new_client
from tests.chaos.faults import ready
from tests.gateway import Gateway

BODY = {"model": "fake", "prompt": "Hello"}
KEYS = ("tenant-acme", "tenant-system", "token-signing", "receipt-signing", "log-signing")
ROLES = ("assay-api", "assay-writer", "assay-reader", "assay-sequencer")
LEASE_SECONDS = 4


async def as_root(gateway: Gateway, fn: object) -> object:
    def run() -> object:
        client = new_client(gateway.local.vault, gateway.servers.vault_root_token)
        try:
            return fn(client)  # type: ignore[operator]
        finally:
            client.adapter.close()

    return await asyncio.to_thread(run)


def lease_for(client: hvac.Client, seconds: int) -> None:
    """Let logins of the services live for so long, those that are made from now on."""
    for role in ROLES:
        found = dict(read(client, f"database/roles/{role}") or {})
        write_role = {name: found[name] for name in ("db_name", "creation_statements", "revocation_statements")}
        client.write_data(f"database/roles/{role}", data={**write_role, "default_ttl": seconds, "max_ttl": 86_400})


async def logins(gateway: Gateway) -> set[str]:
    rows = await gateway.superuser("SELECT DISTINCT usename FROM pg_stat_activity WHERE usename LIKE 'v-%'")
    return {row["usename"] for row in rows}


@pytest.mark.long
async def test_logins_and_keys_rotate_under_load_without_an_error(breakable: Gateway):
    await ready(breakable)
    await as_root(breakable, lambda client: lease_for(client, LEASE_SECONDS))
    try:
        for name in ("assay-api", "assay-worker"):  # so that they take such logins
            await breakable.servers.restart(name)
        await ready(breakable)
        seen: set[str] = set()
        statuses: Counter[int] = Counter()
        unpublished: Counter[str] = Counter()
        ended = asyncio.Event()

        async def caller() -> None:
            while not ended.is_set():
                response = await breakable.post(BODY)
                statuses[response.status_code] += 1
                if response.status_code == 200:
                    kid = jwt.get_unverified_header(response.json()["receipt"]["statement"])["kid"]
                    published = (await breakable.http.get("/.well-known/jwks.json")).json()["keys"]
                    unpublished[kid] += kid not in {key["kid"] for key in published}

        callers = [asyncio.create_task(caller()) for _ in range(4)]
        async with asyncio.timeout(60):
            for _ in range(3):
                for key in KEYS:
                    await as_root(breakable, lambda client, key=key: client.write_data(f"transit/keys/{key}/rotate"))
                    seen |= await logins(breakable)
                before = set(seen)
                while len(seen - before) < 2:  # another generation of API's and worker's
                    seen |= await logins(breakable)
                    await asyncio.sleep(0.1)
        ended.set()
        await asyncio.gather(*callers)
    finally:
        await as_root(breakable, lambda client: lease_for(client, 3600))
    assert set(statuses) == {200}, statuses
    assert statuses[200] > 20
    assert not unpublished.total()
    assert len(seen) >= 8
