"""A team's worker: its login to Vault, its plugin, its task queue.

    python triage_worker.py --temporal localhost:7233 --namespace assay --vault http://localhost:8200 \\
        --credentials .assay/teams/acme/triage --tenant acme --team triage
"""

import argparse
import asyncio
import contextlib
import signal
from pathlib import Path

from temporalio.client import Client
from temporalio.worker import Worker
from triage import DocumentTriage

from assay_temporal.plugin import AssayPlugin
from assay_temporal.signing import Team
from assay_temporal.vault.team import TeamVault, team_keys

TASK_QUEUE = "triage"


async def work(options: argparse.Namespace, stop: asyncio.Event) -> None:
    """Work until ``stop`` is set."""
    folder = Path(options.credentials)
    vault = TeamVault(options.vault, folder / "role-id", folder / "secret-id")
    async with team_keys(vault, options.tenant) as keys:
        plugin = AssayPlugin(Team(options.tenant, options.team), keys)
        client = await Client.connect(options.temporal, namespace=options.namespace, plugins=[plugin])
        async with Worker(client, task_queue=TASK_QUEUE, workflows=[DocumentTriage]):
            await stop.wait()


def main() -> None:
    """Run the worker: see the module."""
    parser = argparse.ArgumentParser(description="A worker that sorts documents with Assay's help.")
    for name in ("temporal", "namespace", "vault", "credentials", "tenant", "team"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()

    async def until_signalled() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await work(options, stop)

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(until_signalled())


if __name__ == "__main__":
    main()
