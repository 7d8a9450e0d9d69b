"""A team of another department, for tests: let in by the command, with the example's worker as a process of its own."""

import asyncio
import json
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowHandle

from assay_temporal.keyring import KeyRing
from assay_temporal.plugin import AssayPlugin
from assay_temporal.signing import Team
from assay_temporal.vault.team import TeamVault, team_keys
from embedded.places import as_environment
from tests.gateway import Gateway, eventually
from tests.paths import ROOT
from tests.processes import bound

EXAMPLES = ROOT / "sdk" / "examples"
sys.path.append(str(EXAMPLES))

from triage import Document, DocumentTriage, Triage  # noqa: E402 - where the examples are

PATIENCE = 60


async def assay(gateway: Gateway, *arguments: str) -> Any:
    """Run the command as an operator does; give its JSON."""
    environment = as_environment(gateway.local) | {
        "ASSAY_EMBEDDED__DATA_DIR": str(gateway.settings.embedded.data_dir),
        "PATH": str(Path(sys.executable).parent),
    }
    command = [str(Path(sys.executable).with_name("assay")), *arguments, "--json"]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=pipe, stderr=pipe)
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return json.loads(out)


@dataclass
class TeamMember:
    """A team's client of Temporal, with what it is made of."""

    gateway: Gateway
    team: Team
    keys: KeyRing
    plugin: AssayPlugin
    client: Client

    async def triage(self, text: str) -> WorkflowHandle[DocumentTriage, Triage]:
        """Start the example's workflow."""
        return await self.client.start_workflow(
            DocumentTriage.run, Document(text, "fake"), id=f"triage-{secrets.token_hex(8)}", task_queue="triage"
        )

    async def children(self, handle: WorkflowHandle[Any, Any]) -> list[str]:
        """The IDs of the runs that a workflow has asked for, in order."""
        history = await handle.fetch_history()
        return [
            event.start_child_workflow_execution_initiated_event_attributes.workflow_id
            for event in history.events
            if event.HasField("start_child_workflow_execution_initiated_event_attributes")
        ]

    async def child(self, handle: WorkflowHandle[Any, Any]) -> str:
        """The first of these, once there is one."""

        async def asked() -> bool:
            return bool(await self.children(handle))

        await eventually(asked, PATIENCE)
        return (await self.children(handle))[0]


@asynccontextmanager
async def team_member(gateway: Gateway, tenant: str, name: str) -> AsyncIterator[TeamMember]:
    """Let a team in and connect as it."""
    made = await assay(gateway, "team", "create", name, "--tenant", tenant)
    here = gateway.local
    vault = TeamVault(here.vault.address, Path(made["role_id_file"]), Path(made["secret_id_file"]))
    team = Team(tenant, name)
    async with team_keys(vault, tenant) as keys:
        plugin = AssayPlugin(team, keys)
        address, namespace = here.temporal.address, here.temporal.namespace
        client = await Client.connect(address, namespace=namespace, plugins=[plugin])
        yield TeamMember(gateway, team, keys, plugin, client)


@dataclass
class TeamWorker:
    """The example's worker."""

    gateway: Gateway
    team: Team
    process: asyncio.subprocess.Process | None = field(default=None)

    async def start(self) -> None:
        """With a fresh secret ID, as each start of a process needs one."""
        made = await assay(self.gateway, "team", "create", self.team.name, "--tenant", self.team.tenant)
        here = self.gateway.local
        options = {
            "temporal": here.temporal.address,
            "namespace": here.temporal.namespace,
            "vault": here.vault.address,
            "credentials": str(Path(made["secret_id_file"]).parent),
            "tenant": self.team.tenant,
            "team": self.team.name,
        }
        arguments = [part for name, value in options.items() for part in (f"--{name}", value)]
        self.process = await asyncio.create_subprocess_exec(
            *bound(sys.executable, str(EXAMPLES / "triage_worker.py"), *arguments)
        )

    async def kill(self) -> None:
        """kill -9."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()
