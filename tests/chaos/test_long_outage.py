"""PostgreSQL away for long, under load: what was accepted waits and finishes, once; what comes meanwhile is refused.

``ASSAY_TEST_OUTAGE_SECONDS`` makes the outage longer than it has to be to show that.
"""

import asyncio
import os
import time
from collections import Counter

import httpx2

from tests.chaos.faults import ready, suspended
from tests.fakes.behaviours import Hang, answer
from tests.gateway import Gateway, eventually

OUTAGE_SECONDS = float(os.environ.get("ASSAY_TEST_OUTAGE_SECONDS", "6"))
PATIENT, OTHERS = 12, 4


async def test_runs_wait_for_their_store_and_everyone_is_told_the_truth(breakable: Gateway):
    await ready(breakable)
    provider, token = breakable.provider, await breakable.token()

    async def ask(name: str, wait: float) -> httpx2.Response:
        body = {"model": "fake", "prompt": f"Question {name}"}
        headers = {"Authorization": f"Bearer {token}", "Prefer": f"wait={wait:.0f}"}
        return await breakable.http.post("/v1/inferences", json=body, headers=headers, timeout=wait + 30)

    before = await breakable.budget("acme")
    received = provider.stats.received
    provider.script(*(Hang(answer(f"answer {number}")) for number in range(PATIENT + OTHERS)))
    patient = [asyncio.create_task(ask(f"p{number}", OUTAGE_SECONDS + 60)) for number in range(PATIENT)]
    others = [asyncio.create_task(ask(f"o{number}", 2)) for number in range(OTHERS)]
    await provider.until(lambda stats: stats.received == received + PATIENT + OTHERS)
    with suspended(breakable, "postgres"):
        began = time.monotonic()
        provider.release()  # every one of them is answered by its model now, and can't be recorded
        while time.monotonic() - began < OUTAGE_SECONDS:
            refused = await ask("refused", 1)
            assert refused.status_code == 503
            assert refused.headers["retry-after"]
            assert "run" not in refused.json()
        assert not any(task.done() for task in patient)
    answered = await asyncio.gather(*patient)
    assert Counter(response.status_code for response in answered) == {200: PATIENT}
    told = await asyncio.gather(*others)
    assert Counter(response.status_code for response in told) == {202: OTHERS}
    await ready(breakable)
    runs = [response.json()["id"] for response in (*answered, *told)]
    tokens = 0
    for run_id in runs:
        run = await breakable.until_ended(run_id)
        assert run["status"] == "completed"
        assert [record["kind"] for record in await breakable.records(run_id)] == ["completed", "admitted"]
        tokens += run["usage"]["total_tokens"]
    assert len(set(runs)) == PATIENT + OTHERS
    assert provider.stats.received == received + PATIENT + OTHERS

    async def settled() -> bool:
        used, reserved = await breakable.budget("acme")
        return (used - before[0], reserved) == (tokens, before[1])

    await eventually(settled)
