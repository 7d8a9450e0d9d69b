"""A run as people see it in Temporal's UI: its story is there, its prompt is not."""

from pathlib import Path

from tests.browser import chromium, visit
from tests.command import assay
from tests.gateway import Gateway

CANARY = "canary-in-a-prompt"


async def test_the_ui_tells_a_runs_story_without_its_prompt(gateway: Gateway, tmp_path: Path):
    chromium()
    run = (await gateway.post({"model": "fake", "prompt": f"Hello {CANARY}"})).json()
    base = f"{gateway.servers.temporal_ui_url}/namespaces/{gateway.local.temporal.namespace}/workflows"
    page = visit(f"{base}/{run['id']}", tmp_path / "profile", "--dump-dom")
    assert run["id"] in page
    assert "GuardedInference" in page
    assert "Completed" in page
    for stage in ("validate_request", "screen_prompt", "admit_request", "invoke_model", "close_request"):
        assert stage in page, stage
    assert CANARY not in page
    assert run["result"]["content"] not in page


async def test_the_link_of_assay_ui_shows_a_run_in_plaintext_to_that_browser_alone(gateway: Gateway, tmp_path: Path):
    chromium()
    run = (await gateway.post({"model": "fake", "prompt": f"Hello {CANARY}"})).json()
    pages = f"{gateway.servers.temporal_ui_url}/namespaces/{gateway.local.temporal.namespace}/workflows"
    page = f"{pages}/{run['id']}"
    link = (await assay(gateway.settings, "ui", run["id"], "--client", "acme-auditor"))["address"]
    shown = visit(link, tmp_path / "auditor", "--dump-dom")
    assert run["id"] in shown
    assert CANARY in shown
    assert run["result"]["content"] in shown
    assert "assay ui" not in shown, "the notice of who sees what is gone"
    assert CANARY in visit(page, tmp_path / "auditor", "--dump-dom"), "the session lasts"
    used = visit(link, tmp_path / "another", "--dump-dom")
    assert "valid once" in used
    elsewhere = visit(page, tmp_path / "another", "--dump-dom")
    assert run["id"] in elsewhere
    assert "assay ui" in elsewhere, "the page tells how to see more"
    assert CANARY not in elsewhere
    records = [record["kind"] for record in await gateway.records(run["id"])]
    assert 1 <= records.count("payload_decoded") <= 2, "one, or two where a window ended just now"
