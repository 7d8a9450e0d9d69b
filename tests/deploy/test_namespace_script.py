"""deploy/compose/temporal-namespace.sh against a real Temporal server."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from embedded.process.wheels import temporal_program
from tests.paths import ROOT


@pytest.fixture(scope="module")
async def client() -> AsyncIterator[Client]:
    program = str(temporal_program())
    async with await WorkflowEnvironment.start_local(dev_server_existing_path=program) as environment:
        yield environment.client


async def _run(client: Client, directory: Path, days: str) -> str:
    """The script as in its container, but for TLS and the place of its token."""
    text = (ROOT / "deploy/compose/temporal-namespace.sh").read_text()
    script = directory / "temporal-namespace.sh"
    script.write_text(text.replace("/pki/temporal.token", str(directory / "token")))
    (directory / "token").write_text("a.b.c")
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(directory),
        "ASSAY_NAMESPACE": "assay",
        "ASSAY_RETENTION_DAYS": days,
        "TEMPORAL_ADDRESS": client.service_client.config.target_host,
        "TEMPORAL_TLS": "false",
    }
    process = await asyncio.create_subprocess_exec(
        "/bin/sh", script, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    return out.decode()


async def test_the_namespace_is_made_once_and_kept_up_to_date(client: Client, tmp_path: Path) -> None:
    for days in (7, 5):
        await _run(client, tmp_path, str(days))
        described = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace="assay"))
        assert described.config.workflow_execution_retention_ttl.ToTimedelta().days == days
    listed = await client.operator_service.list_search_attributes(ListSearchAttributesRequest(namespace="assay"))
    assert {name for name in listed.custom_attributes if name.startswith("Assay")} == {
        "AssayDecision",
        "AssayModel",
        "AssayTenant",
        "AssayCaller",
        "AssayRiskBand",
        "AssayPolicyVersion",
        "AssayReviewState",
    }
