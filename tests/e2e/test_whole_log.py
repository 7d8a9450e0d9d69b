"""The log of the whole product, as an operator verifies it while it is written."""

import json
from pathlib import Path

from tests.command import assay
from tests.fakes.behaviours import answer
from tests.gateway import Gateway, eventually


async def test_what_was_asked_is_in_a_log_that_holds(gateway: Gateway, tmp_path: Path) -> None:
    gateway.provider.script(answer("fine"))
    run = (await gateway.post({"model": "fake", "prompt": "Hello"})).json()
    await gateway.post({"model": "fake", "prompt": "Hello"}, client="acme-nobody")  # refused, so recorded as well
    receipt, kept = tmp_path / "run.json", tmp_path / "checkpoint"
    receipt.write_text(json.dumps(run))
    promise = {}

    async def sealed() -> bool:
        nonlocal promise
        promise = await assay(gateway.settings, "audit", "verify-log", "--receipt", str(receipt))
        return promise["state"] == "sealed"

    await eventually(sealed)
    [row] = await gateway.superuser(
        "SELECT note FROM assay.checkpoint WHERE tenant = 'acme' ORDER BY size DESC LIMIT 1"
    )
    kept.write_text(row["note"])
    report = await assay(gateway.settings, "audit", "verify-log", "--checkpoint", str(kept))
    assert report["holds"]
    [acme] = [audit for audit in report["tenants"] if audit["tenant"] == "acme"]
    assert acme["size"] > promise["seq"]
    assert acme["checkpoints"] >= 1
