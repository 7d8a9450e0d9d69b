"""The log of the whole product, as an operator verifies it while it is written."""

import json
import subprocess
import sys
from pathlib import Path

from tests.command import assay
from tests.fakes.behaviours import answer
from tests.gateway import Gateway, eventually
from tests.paths import ROOT


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


async def test_a_receipt_is_verified_offline_as_auditors_are_told(gateway: Gateway, tmp_path: Path) -> None:
    gateway.provider.script(answer("fine"))
    body = {"model": "fake", "prompt": "What is verified here?"}
    run = (await gateway.post(body)).json()
    event = run["receipt"]["event_id"]
    proof = ""

    async def sealed() -> bool:
        nonlocal proof
        response = await gateway.get(f"/v1/audit/events/{event}/proof")
        proof = response.text
        return response.status_code == 200

    await eventually(sealed)
    files = {
        "answer.json": json.dumps(await gateway.run(run["id"])),
        "body.json": json.dumps(body),
        "jwks.json": (await gateway.http.get("/.well-known/jwks.json")).text,
        "event.tlog-proof": proof,
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    key = (await gateway.get("/v1/audit/key")).text.splitlines()[0]
    program = [sys.executable, str(ROOT / "deploy" / "audit" / "assay_verify.py"), "receipt", "answer.json"]
    given = ["--jwks", "jwks.json", "--proof", "event.tlog-proof", "--request", "body.json", "--key", key]
    done = subprocess.run([*program, *given], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "sealed" in done.stdout
