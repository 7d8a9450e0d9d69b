"""A run as people see it in Temporal's UI: its story is there, its prompt is not."""

from pathlib import Path

from tests.browser import chromium, visit
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
