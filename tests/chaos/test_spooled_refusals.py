"""Refusals during an outage of PostgreSQL, a crash of the API, and a flood: each is in the log once."""

import asyncio
import contextlib
import sqlite3
from uuid import UUID

import httpx2
import pytest

from embedded.places import local_settings
from tests.chaos.faults import ready, suspended
from tests.gateway import Gateway, eventually

BODY = {"model": "fake", "prompt": "Hello"}
ROUTES = ("/v1/inferences", "/ai/predict")
REFUSALS = ("missing-token", "invalid-token")
EACH = 9
FLOOD = 3000


def api_pid(gateway: Gateway) -> int | None:
    [status] = [status for status in gateway.servers.status() if status.name == "assay-api"]
    return status.pid


def spooled(gateway: Gateway) -> int:
    file = local_settings(gateway.settings).api.spool_dir / "refusals.db"
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        return connection.execute("SELECT count(*) FROM entry").fetchone()[0]


async def refused(gateway: Gateway, route: str, authorization: str | None) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    response = await gateway.http.post(route, json=BODY, headers=headers)
    assert response.status_code == 401


async def logged(gateway: Gateway, refusal: str, route: str) -> dict[UUID, int]:
    """Return the number of refusals counted by each of these records."""
    rows = await gateway.superuser(
        "SELECT event_id, coalesce((fields->>'count')::int, 1) AS stands_for FROM assay.record"
        " WHERE tenant = 'system' AND fields->>'refusal' = $1 AND fields->>'route' = $2",
        *(refusal, route),
    )
    return {row["event_id"]: row["stands_for"] for row in rows}


async def test_refusals_outlive_an_outage_of_postgres_and_a_killed_api(breakable: Gateway):
    await ready(breakable)
    before = api_pid(breakable)
    already = {
        (refusal, route): set(await logged(breakable, refusal, route)) for refusal in REFUSALS for route in ROUTES
    }
    with suspended(breakable, "postgres"):
        for route in ROUTES:
            for _ in range(EACH):
                await refused(breakable, route, None)
                await refused(breakable, route, "Bearer not-a-token")

        async def all_spooled() -> bool:
            return spooled(breakable) == len(ROUTES) * 2 * EACH

        await eventually(all_spooled)
        await breakable.servers.kill("assay-api")

        async def another_runs() -> bool:
            return api_pid(breakable) not in (None, before) and await is_alive(breakable)

        await eventually(another_runs, 30)
        assert spooled(breakable) == len(ROUTES) * 2 * EACH
    await ready(breakable)

    async def none_spooled() -> bool:
        return spooled(breakable) == 0

    await eventually(none_spooled)
    for route in ROUTES:
        for refusal in REFUSALS:
            found = await logged(breakable, refusal, route)
            new = [count for event, count in found.items() if event not in already[refusal, route]]
            assert new == [1] * EACH, (refusal, route)


async def is_alive(gateway: Gateway) -> bool:
    with contextlib.suppress(httpx2.HTTPError):
        return (await gateway.http.get("/healthz")).status_code == 200
    return False


@pytest.mark.long
async def test_a_flood_grows_the_log_by_a_few_records_whose_counts_add_up(breakable: Gateway):
    await ready(breakable)
    route = "/v1/inferences/{run_id}"
    already = await logged(breakable, "missing-token", route)
    turns = asyncio.Semaphore(40)

    async def knock(number: int) -> None:
        async with turns:
            response = await breakable.http.get(f"/v1/inferences/inf.acme.{number}")
        assert response.status_code == 401

    await asyncio.gather(*(knock(number) for number in range(FLOOD)))
    await breakable.servers.restart("assay-api")  # an orderly end tells the counts of the minute that has begun
    await ready(breakable)
    found: dict[UUID, int] = {}

    async def all_logged() -> bool:
        nonlocal found
        found = {
            event: n for event, n in (await logged(breakable, "missing-token", route)).items() if event not in already
        }
        return sum(found.values()) >= FLOOD

    await eventually(all_logged)
    assert sum(found.values()) == FLOOD
    windows = sum(number > 1 for number in found.values())
    assert 1 <= windows < 5
    assert len(found) <= (windows + 1) * (breakable.settings.api.refusals_one_by_one + 1)
