"""Payloads in plaintext over the real stack: for auditors by HTTP, by Temporal's command line and by a session."""

import base64
import json
import secrets
from typing import Any

import httpx2

from embedded.places import places
from tests.command import run_assay
from tests.gateway import Gateway

PROMPT = "canary-prompt-for-auditors"
_SOON = ("--command-timeout", "3s")  # it takes a refusal by the codec endpoint for an outage, and tries again


async def asked(gateway: Gateway, client: str = "acme-app") -> str:
    """A run that has ended, by its ID."""
    response = await gateway.post({"model": "fake", "prompt": f"Hello {PROMPT}"}, client)
    assert response.status_code == 200, response.text
    return response.json()["id"]


def history(gateway: Gateway, run_id: str, *options: str) -> dict[str, Any]:
    shown = gateway.temporal_cli("workflow", "show", "--workflow-id", run_id, "--output", "json", *options)
    assert shown.returncode == 0, shown.stderr
    return json.loads(shown.stdout)


def payloads_of(node: Any) -> list[dict[str, Any]]:
    """Every payload of a history, as the UI finds them."""
    if isinstance(node, dict):
        if "encoding" in node.get("metadata", {}):
            return [node]
        return [found for value in node.values() for found in payloads_of(value)]
    return [found for value in node for found in payloads_of(value)] if isinstance(node, list) else []


def texts(payloads: list[dict[str, Any]]) -> str:
    return "\n".join(base64.b64decode(payload.get("data", "")).decode("utf-8", "replace") for payload in payloads)


async def decode(gateway: Gateway, payloads: list[dict[str, Any]], client: str) -> httpx2.Response:
    return await gateway.post({"payloads": payloads}, client, "/codec/decode", {"X-Namespace": "assay"})


async def openings(gateway: Gateway) -> list[dict[str, Any]]:
    return [record for record in await gateway.records(tenant="acme") if record["kind"] == "session_opened"]


def refused(response: httpx2.Response, status: int, kind: str) -> None:
    assert (response.status_code, response.json()["type"]) == (status, f"urn:assay:problem:{kind}"), response.text
    assert PROMPT not in response.text


async def test_an_auditor_reads_a_whole_run_and_is_recorded_once(gateway: Gateway):
    run_id = await asked(gateway)
    sealed = payloads_of(history(gateway, run_id))
    assert len(sealed) > 15
    assert PROMPT not in texts(sealed)
    for client in ("acme-auditor", "acme-auditor", "acme-admin"):
        response = await decode(gateway, sealed, client)
        assert response.status_code == 200, response.text
        opened = response.json()["payloads"]
        assert len(opened) == len(sealed)
        assert PROMPT in texts(opened)
        assert all(base64.b64decode(payload["metadata"]["encoding"]) == b"json/plain" for payload in opened)
    records = [record for record in await gateway.records(run_id) if record["kind"] == "payload_decoded"]
    assert 2 <= len(records) <= 4, "two people; four records only if a window ended just now"
    assert {record["tenant"] for record in records} == {"acme"}
    assert len({record["fields"]["caller"] for record in records}) == 2
    assert len({record["event_id"] for record in records}) == len(records)


async def test_a_page_that_asks_for_each_payload_alone_makes_no_more_records(gateway: Gateway):
    run_id = await asked(gateway)
    for payload in payloads_of(history(gateway, run_id)):
        assert (await decode(gateway, [payload], "acme-auditor")).status_code == 200
    records = [record for record in await gateway.records(run_id) if record["kind"] == "payload_decoded"]
    assert 1 <= len(records) <= 2


async def test_who_may_not_read_gets_nothing(gateway: Gateway):
    run_id = await asked(gateway)
    sealed = payloads_of(history(gateway, run_id))
    for client in ("acme-app", "acme-nobody", "globex-auditor", "globex-app"):
        refused(await decode(gateway, sealed, client), 403, "forbidden")
    refused(await gateway.http.post("/codec/decode", json={"payloads": sealed}), 401, "missing-token")
    assert "payload_decoded" not in {record["kind"] for record in await gateway.records(run_id)}


async def test_a_moved_and_a_forged_payload_stay_closed(gateway: Gateway):
    first, second = [payloads_of(history(gateway, await asked(gateway))) for _ in range(2)]
    moved = {
        **first[0],
        "metadata": {**first[0]["metadata"], "assay-workflow": second[0]["metadata"]["assay-workflow"]},
    }
    forged = {**first[0], "data": base64.b64encode(secrets.token_bytes(64)).decode()}
    for payload in (moved, forged):
        refused(await decode(gateway, [second[0], payload], "acme-auditor"), 422, "unauthenticated-payload")
    theirs = payloads_of(history(gateway, await asked(gateway, "globex-app")))
    relabelled = {
        **theirs[0],
        "metadata": {**theirs[0]["metadata"], "assay-tenant": first[0]["metadata"]["assay-tenant"]},
    }
    refused(await decode(gateway, [relabelled], "acme-auditor"), 422, "unauthenticated-payload")


async def test_temporals_command_line_shows_a_run_to_an_auditor(gateway: Gateway):
    run_id = await asked(gateway)
    endpoint = ("--codec-endpoint", f"http://127.0.0.1:{gateway.settings.api.port}/codec")
    as_auditor = (*endpoint, "--codec-auth", f"Bearer {await gateway.token('acme-auditor')}")
    assert PROMPT in texts(payloads_of(history(gateway, run_id, *as_auditor)))
    assert PROMPT not in json.dumps(history(gateway, run_id))
    show = ("workflow", "show", "--workflow-id", run_id, "--output", "json")
    for client in ("acme-app", "globex-auditor"):
        other = (*endpoint, "--codec-auth", f"Bearer {await gateway.token(client)}")
        shown = gateway.temporal_cli(*show, *other, *_SOON)
        assert shown.returncode != 0
        assert PROMPT not in shown.stdout + shown.stderr


async def test_nothing_is_sealed_for_temporals_command_line(gateway: Gateway):
    endpoint = ("--codec-endpoint", f"http://127.0.0.1:{gateway.settings.api.port}/codec")
    as_auditor = (*endpoint, "--codec-auth", f"Bearer {await gateway.token('acme-auditor')}")
    workflow_id = f"by-hand-{secrets.token_hex(4)}"
    names = ("--task-queue", "assay", "--type", "GuardedInference", "--workflow-id", workflow_id)
    started = gateway.temporal_cli("workflow", "start", *names, "--input", '"x"', *as_auditor, *_SOON)
    assert started.returncode != 0
    assert gateway.temporal_cli("workflow", "describe", "--workflow-id", workflow_id).returncode != 0, "not started"


async def test_assay_ui_opens_a_session_that_works_for_the_ui_alone(gateway: Gateway):
    run_id = await asked(gateway)
    before = len(await openings(gateway))
    code, out, errors = await run_assay(gateway.settings, "ui", run_id, "--client", "acme-auditor", "--json")
    assert code == 0, errors
    link = json.loads(out)
    assert (link["expires_in"], link["session_seconds"]) == (60, 900)
    async with httpx2.AsyncClient(trust_env=False) as browser:
        opened = await browser.get(link["address"])
        assert opened.status_code == 303
        assert opened.headers["location"] == f"{gateway.servers.temporal_ui_url}/namespaces/assay/workflows/{run_id}"
        assert (await browser.get(link["address"])).status_code == 401
    cookie = opened.headers["set-cookie"].partition(";")[0]
    sealed = {"payloads": payloads_of(history(gateway, run_id))}
    for origin, status in ((gateway.servers.temporal_ui_url, 200), ("http://127.0.0.1:1", 403), (None, 403)):
        sent = {"Cookie": cookie, **({"Origin": origin} if origin else {})}
        response = await gateway.http.post("/codec/decode", json=sealed, headers=sent)
        assert response.status_code == status
        assert (PROMPT in texts(response.json().get("payloads", []))) == (status == 200)
    sent = {"Cookie": cookie, "Origin": str(gateway.servers.temporal_ui_url)}
    assert (await gateway.http.get(f"/v1/inferences/{run_id}", headers=sent)).status_code == 401
    assert len(await openings(gateway)) == before + 1
    ticket, session = link["address"].partition("ticket=")[2], cookie.partition("=")[2]
    logs = "".join(path.read_text(errors="replace") for path in (places(gateway.settings).root / "logs").iterdir())
    assert "/codec/session" in logs
    assert ticket not in logs
    assert session not in logs


async def test_assay_ui_says_what_is_wrong(gateway: Gateway):
    for arguments, said in (
        (("--client", "acme-app"), "grants 'decode_payload'"),
        (("inf.globex." + "a" * 32, "--client", "acme-auditor"), "a run of the caller's tenant"),
        (("--client", "nobody-of-that-name"), "no credentials"),
    ):
        code, out, errors = await run_assay(gateway.settings, "ui", "--no-open", *arguments)
        assert (code, out) == (1, "")
        assert said in errors.replace("\n", " ")


async def test_assay_ui_shows_its_link_to_nobody_else_on_the_machine(gateway: Gateway, tmp_path):
    """A browser's command line can be read by others: it names a file, which can't."""
    browser, seen = tmp_path / "browser", tmp_path / "seen"
    browser.write_text(f'#!/bin/sh\nprintf %s "$*" > {seen}\n')
    browser.chmod(0o700)
    more = {"BROWSER": f"{browser} %s", "DISPLAY": ":0"}
    code, out, errors = await run_assay(gateway.settings, "ui", "--client", "acme-auditor", more=more)
    assert code == 0, errors
    assert "opened in your browser" in out
    page = places(gateway.settings).root / "ui.html"
    assert seen.read_text() == page.as_uri()
    assert page.stat().st_mode & 0o777 == 0o600
    [address] = [word for word in out.split() if word.startswith("http")]
    assert f"url={address}" in page.read_text()
    seen.unlink()
    _, out, _ = await run_assay(gateway.settings, "ui", "--client", "acme-auditor", "--no-open", more=more)
    assert "open in your browser" in out
    assert not seen.exists()
