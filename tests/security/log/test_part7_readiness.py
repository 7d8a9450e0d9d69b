"""While a log is rolled back, the API's readiness shows it, by the sequencer's findings."""

import asyncio
from typing import cast

import httpx2

from adapters.log.faults import PostgresLogFaults
from adapters.postgres.pool import PostgresPool
from api.app import build_app
from api.dependencies import Readiness, Services
from api.http.metrics import Metrics
from domain.ports import Dependency
from tests.adapters.stack import eventually
from tests.security.log.scene import ORIGINAL, SIZES, LogScene


async def _ready(*dependencies: Dependency) -> tuple[int, dict[str, str]]:
    app = build_app(Readiness(dependencies, cast("Services", object())), Metrics(), 1024, lambda: "0" * 32)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1:8080") as http:
        answer = await http.get("/readyz")
    return answer.status_code, answer.json()["checks"]


async def test_a_rolled_back_log_is_shown_until_it_is_what_was_signed(scene: LogScene, api_pool: PostgresPool) -> None:
    before, now = (api_pool,), (api_pool, PostgresLogFaults(api_pool))
    stop = asyncio.Event()
    working = asyncio.create_task(scene.writer.sequencer().run(stop))

    async def ready() -> bool:
        return (await _ready(*now)) == (200, {"postgres": "ok", "log": "ok"})

    async def unready() -> bool:
        status, checks = await _ready(*now)
        return status == 503 and checks["postgres"] == "ok" and checks["log"] != "ok"

    try:
        await eventually(ready)
        await scene.owner.remove("acme", SIZES["acme"] - 1)
        await scene.owner.rebuild("acme")
        await scene.run("DELETE FROM assay.checkpoint WHERE tenant = 'acme' AND size = $1", SIZES["acme"])
        await eventually(unready)
        assert await _ready(*before) == (200, {"postgres": "ok"}), "as it was, nothing shows"
        await scene.owner.put_back(ORIGINAL)
        await eventually(ready)
    finally:
        stop.set()
        await working
