"""The audit log through HTTP, on the whole product: read, proven and verified by what anyone has at hand."""

import contextlib
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from domain.transparency.checkpoints import parse_checkpoint, parse_note
from tests.command import assay, run_assay
from tests.deploy.test_assay_verify import VERIFIER
from tests.gateway import Gateway, eventually


async def a_run(gateway: Gateway, prompt: str = "Hello") -> dict[str, Any]:
    response = await gateway.post({"model": "fake", "prompt": prompt})
    assert response.status_code == 200, response.text
    return response.json()


async def proof_of(gateway: Gateway, event_id: str, client: str = "acme-app") -> str:
    """The proof of an event, once it is sealed."""
    text = ""

    async def sealed() -> bool:
        nonlocal text
        response = await gateway.get(f"/v1/audit/events/{event_id}/proof", client)
        assert response.status_code in (200, 409), response.text
        text = response.text
        return response.status_code == 200

    await eventually(sealed)
    return text


async def test_an_auditor_finds_a_run_and_reads_it_on_the_record(gateway: Gateway):
    run = await a_run(gateway, "a prompt for the record")
    path = f"/v1/audit/events?run={run['id']}"
    body = (await gateway.get(path, "acme-auditor")).json()
    assert [event["kind"] for event in body["events"]] == ["completed", "admitted"]
    assert body["events"][0]["digest"] == run["receipt"]["record_digest"]
    assert "a prompt for the record" not in json.dumps(body)
    opened = (await gateway.get(f"{path}&plaintext=true", "acme-auditor")).json()["events"]
    assert "a prompt for the record" in opened[0]["content"]["prompt"]
    assert opened[0]["content"]["answer"] == run["result"]["content"]
    readings = (await gateway.get("/v1/audit/events?kind=records_read&limit=1", "acme-admin")).json()["events"]
    assert readings[0]["fields"]["filters"] == ["run"]
    assert readings[0]["fields"]["count"] == 2
    assert readings[0]["run"] == run["id"]


async def test_no_tenant_reads_anothers_log(gateway: Gateway):
    run = await a_run(gateway)
    event_id = run["receipt"]["event_id"]
    await proof_of(gateway, event_id)
    assert (await gateway.get(f"/v1/audit/events?run={run['id']}", "globex-auditor")).json() == {"events": []}
    for path in (f"events/{event_id}", f"events/{event_id}?plaintext=true", f"events/{event_id}/proof"):
        assert (await gateway.get(f"/v1/audit/{path}", "globex-auditor")).status_code == 404
    assert (await gateway.get(f"/v1/audit/events/{event_id}", "acme-app")).status_code == 403


async def test_evidence_verifies_offline_by_both_verifiers(gateway: Gateway, tmp_path: Path):
    runs = [await a_run(gateway) for _ in range(2)]
    event_id, digest = (runs[0]["receipt"][name] for name in ("event_id", "record_digest"))
    (tmp_path / "proof").write_text(await proof_of(gateway, event_id))
    (tmp_path / "old").write_text((await gateway.get("/v1/audit/checkpoint")).text)
    runs.append(await a_run(gateway))
    await proof_of(gateway, runs[-1]["receipt"]["event_id"])
    (tmp_path / "new").write_text((await gateway.get("/v1/audit/checkpoint")).text)
    old, new = (parse_checkpoint(parse_note((tmp_path / name).read_text()).text).size for name in ("old", "new"))
    assert old < new
    (tmp_path / "growth.json").write_text((await gateway.get(f"/v1/audit/consistency?from={old}&to={new}")).text)
    hashes = json.loads((tmp_path / "growth.json").read_text())["hashes"]
    (tmp_path / "growth").write_text("".join(f"{value}\n" for value in hashes))
    [key] = (await gateway.get("/v1/audit/key")).text.splitlines()
    export = await exported(gateway, tmp_path)

    async def both(name: str, *files: str, options: tuple[str, ...] = ()) -> list[Any]:
        places = [str(tmp_path / file) for file in files]
        ours = await run_assay(gateway.settings, "audit", f"verify-{name}", *places, *options, "--key", key, "--json")
        theirs = io.StringIO()
        with contextlib.redirect_stdout(theirs):
            code = VERIFIER.main(
                [name, *(place.removesuffix(".json") for place in places), *options, "--key", key, "--json"]
            )
        assert ours[0] == code, ours
        found, same = json.loads(ours[1]), json.loads(theirs.getvalue())
        assert {**found, "why": None} == {**same, "why": None}  # each says in its own words why it is broken
        return [code, found]

    code, found = await both("proof", "proof", options=("--record-digest", digest))
    assert (code, found["verdict"], found["log"]) == (0, "holds", "assay.local/acme")
    code, found = await both("proof", "proof", options=("--record-digest", "00" * 32))
    assert (code, found["verdict"]) == (1, "broken")
    code, found = await both("consistency", "old", "new", "growth.json")
    assert (code, found["old"], found["size"]) == (0, old, new)
    code, found = await both("consistency", "new", "old", "growth.json")
    assert (code, found["verdict"]) == (1, "broken")
    code, found = await both("export", "export")
    whole = sum("ciphertext" in line for line in export[1:])  # of archived months, leaves alone are left
    assert (code, found["first"], found["records"]) == (0, export[0]["first"], whole)
    assert event_id in [line["event_id"] for line in export[1:]]
    (tmp_path / "export").write_text("".join(json.dumps(line) + "\n" for line in [*export[:-2], export[-1]]))
    code, found = await both("export", "export")
    assert (code, found["verdict"], found["seq"]) == (1, "broken", export[-2]["seq"])


async def exported(gateway: Gateway, directory: Path) -> list[dict[str, Any]]:
    """The log by the command, as lines; it was recorded, and left nothing else behind."""
    target = directory / "export"
    code, _, said = await run_assay(
        gateway.settings,
        "audit",
        "export",
        "--client",
        "acme-auditor",
        "--output",
        str(target),
        "--since",
        "2020-01-01",
    )
    assert code == 0, said
    assert not list(directory.glob("*.partial"))
    lines = [json.loads(line) for line in target.read_text().splitlines()]
    [record] = (await gateway.get("/v1/audit/events?kind=exported&limit=1", "acme-auditor")).json()["events"]
    assert (record["fields"]["filters"], record["fields"]["count"]) == (["since"], len(lines) - 1)
    code, _, said = await run_assay(gateway.settings, "audit", "export", "--client", "acme-app", "-o", str(target))
    assert code == 1
    assert "Not permitted" in said
    assert len(target.read_text().splitlines()) == len(lines)  # what was there is not touched
    return lines


async def test_records_are_found_and_shown_by_command(gateway: Gateway):
    before = datetime.now(UTC).isoformat()
    run = await a_run(gateway, "a prompt to be shown")
    event_id = run["receipt"]["event_id"]
    found = await assay(gateway.settings, "audit", "search", "--tenant", "acme", "--run", run["id"])
    [outcome] = [row for row in found if row["kind"] == "completed"]
    assert outcome["event_id"] == event_id
    narrow = ("--kind", "completed", "--caller", outcome["fields"]["caller"], "--subject", outcome["subject"])
    rows = await assay(gateway.settings, "audit", "search", "--tenant", "acme", *narrow, "--since", before)
    assert [row["event_id"] for row in rows] == [event_id]
    assert await assay(gateway.settings, "audit", "search", "--run", run["id"], "--until", before) == []
    by_name = ("--subject", "client:nobody", "--run", run["id"])
    assert await assay(gateway.settings, "audit", "search", "--tenant", "acme", *by_name) == []
    code, _, said = await run_assay(gateway.settings, "audit", "search", *by_name)
    assert code == 1
    assert "tenant" in said
    shown = await assay(gateway.settings, "audit", "show", event_id)
    assert shown["digest"] == run["receipt"]["record_digest"]
    assert "content" not in shown
    opened = await assay(gateway.settings, "audit", "show", event_id, "--plaintext", "--client", "acme-auditor")
    assert "a prompt to be shown" in opened["content"]["prompt"]
    assert [row["kind"] for row in await gateway.records(run["id"])] == ["records_read", "completed", "admitted"]
    code, _, said = await run_assay(
        gateway.settings, "audit", "show", event_id, "--plaintext", "--client", "globex-auditor"
    )
    assert code == 1
    assert "no such event" in said


async def test_the_policy_that_a_start_made_current_is_in_assays_own_log_once(gateway: Gateway):
    turns = await gateway.superuser("SELECT hash FROM assay.policy_turn ORDER BY number")
    found = await gateway.superuser(
        "SELECT fields->>'policy' AS hash, fields->>'policy_before' AS before FROM assay.record"
        " WHERE tenant = 'system' AND kind = 'policy_changed' ORDER BY event_id"
    )
    hashes = [row["hash"] for row in turns]
    assert [row["hash"] for row in found] == hashes
    assert [row["before"] for row in found] == [None, *hashes[:-1]]
