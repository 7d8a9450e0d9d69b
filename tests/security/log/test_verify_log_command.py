"""``assay audit verify-log``: what it prints, and its exit codes."""

import json
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from embedded.places import as_environment
from embedded.process.ports import unused_ports
from tests.command import run_assay
from tests.security.log.scene import SIZES, LogScene

Run = Callable[..., Awaitable[tuple[int | None, str, str]]]


@pytest.fixture
async def run(scene: LogScene) -> Run:
    """Runs the command as the operator of the stack, with settings changed."""

    async def command(*arguments: str, **changes: Any) -> tuple[int | None, str, str]:
        vault = scene.stack.vault.model_copy(update={"operator": await scene.stack.approle("operator")})
        settings = scene.stack.settings.model_copy(update={"vault": vault, **changes})
        shown = as_environment(settings)
        more = {name: shown[name] for name in ("ASSAY_VAULT", "ASSAY_DATABASE")}
        return await run_assay(settings, "audit", "verify-log", *arguments, more=more)

    return command


async def test_a_log_that_holds_is_0(run: Run) -> None:
    code, out, errors = await run()
    assert code == 0, errors
    assert f"acme: holds, {SIZES['acme']} events, 4 checkpoints, the newest over {SIZES['acme']}, 0 pending" in out
    code, out, _ = await run("--json", "--tenant", "globex")
    told = json.loads(out)
    assert code == 0
    assert (told["holds"], told["events"], [audit["tenant"] for audit in told["tenants"]]) == (True, 40, ["globex"])


async def test_a_log_that_is_broken_is_1_and_told_where(scene: LogScene, run: Run, tmp_path: Path) -> None:
    event = await scene.owner.event("acme", 77)
    await scene.run("UPDATE assay.record SET run_id = 'x' WHERE event_id = $1", event)
    code, out, _ = await run()
    assert code == 1
    assert f"record changed at seq 77, event {event}" in out
    code, out, _ = await run("--json")
    (finding,) = json.loads(out)["tenants"][0]["findings"]
    assert (code, finding["seq"], finding["event_id"], finding["fault"]) == (1, 77, str(event), "record changed")


async def test_a_kept_checkpoint_is_taken_from_a_file(scene: LogScene, run: Run, tmp_path: Path) -> None:
    kept = tmp_path / "checkpoint"
    kept.write_text(await scene.note("acme", 160))
    assert (await run("--checkpoint", str(kept)))[0] == 0
    kept.write_text(kept.read_text().replace("160", "161", 1))
    code, _, errors = await run("--checkpoint", str(kept))
    assert code == 2
    assert "kept checkpoint" in errors
    code, _, errors = await run("--checkpoint", str(tmp_path / "none"))
    assert code == 2


@pytest.mark.parametrize("away", ["database", "vault"])
async def test_a_server_that_is_away_is_2(scene: LogScene, run: Run, away: str) -> None:
    (port,) = unused_ports(1)
    changes = {
        "database": {"database": scene.stack.database.model_copy(update={"port": port})},
        "vault": {"vault": scene.stack.vault.model_copy(update={"address": f"http://127.0.0.1:{port}"})},
    }
    code, _, errors = await run(**changes[away])
    assert code == 2, errors
    assert "can't be checked" in errors


async def test_missing_rights_are_2(scene: LogScene, run: Run) -> None:
    await scene.run("REVOKE SELECT ON assay.leaf FROM assay_auditor")
    try:
        code, _, errors = await run()
    finally:
        await scene.run("GRANT SELECT ON assay.leaf TO assay_auditor")
    assert code == 2
    assert "can't be checked" in errors


async def test_a_name_that_is_no_tenants_is_2(run: Run) -> None:
    assert (await run("--tenant", "../../x"))[0] == 2


async def test_a_file_that_is_no_receipt_is_1(run: Run, tmp_path: Path) -> None:
    receipt = tmp_path / "receipt.json"
    for text in ("{}", "[]", "no json", json.dumps({"receipt": {"statement": secrets.token_hex(8)}})):
        receipt.write_text(text)
        code, _, errors = await run("--receipt", str(receipt))
        assert (code, "broken" in errors) == (1, True), text
