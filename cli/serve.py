"""``assay serve``: one process in one or all of its roles."""

import asyncio
import signal
from collections.abc import Awaitable
from enum import StrEnum
from typing import Annotated

import typer
import uvloop

from adapters.screening.detectors import load_detectors
from adapters.system.policy_files import load_policy_document
from cli.output import Output
from config import logs
from config.settings import Settings
from domain.policy.document import PolicyError, parse_policy
from domain.records.spool import SpoolUnavailable


class ServeRole(StrEnum):
    """What a process does."""

    API = "api"
    WORKER = "worker"
    SEQUENCER = "sequencer"
    ARCHIVER = "archiver"
    ALL = "all"


async def run(settings: Settings, role: ServeRole, stop: asyncio.Event) -> None:
    """Serve until ``stop`` is set, then drain: the API first, so that nothing new comes in, then the worker.

    The sequencer ends last, so that what they recorded at the end is in the log's tree too.
    """
    # imported here: these take a second to load, which no other command should cost
    import api.main  # noqa: PLC0415
    import worker.archiver  # noqa: PLC0415
    import worker.main  # noqa: PLC0415
    import worker.sequencer  # noqa: PLC0415
    from adapters.temporal.client import TemporalConnection  # noqa: PLC0415
    from api.http.metrics import Metrics  # noqa: PLC0415
    from api.inference.outcomes import Outcomes  # noqa: PLC0415

    metrics = Metrics()
    outcomes = Outcomes()
    temporal = TemporalConnection(settings.temporal, metrics.payloads_refused.inc)
    drained = asyncio.Event()
    finished = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        if role in (ServeRole.API, ServeRole.ALL):
            group.create_task(_then_set(api.main.serve(settings, stop, temporal, metrics, outcomes), drained))
        else:
            group.create_task(_then_set(stop.wait(), drained))
        if role in (ServeRole.WORKER, ServeRole.ALL):
            alone = role is ServeRole.WORKER
            working = worker.main.serve(settings, drained, temporal, outcomes.recorded, metrics.registry, alone=alone)
            group.create_task(_then_set(working, finished))
        else:
            group.create_task(_then_set(drained.wait(), finished))
        if role is ServeRole.SEQUENCER:
            group.create_task(
                worker.sequencer.serve(
                    settings, finished, metrics.registry, ready_file=settings.worker.ready_file, alone=True
                )
            )
        elif role is ServeRole.ALL:
            group.create_task(worker.sequencer.serve(settings, finished, metrics.registry))
        if role in (ServeRole.ARCHIVER, ServeRole.ALL):
            # a client of its own: its login opens Assay's own payloads, and no tenant's
            own = TemporalConnection(settings.temporal, metrics.payloads_refused.inc)
            ready_file = settings.worker.ready_file if role is ServeRole.ARCHIVER else None
            group.create_task(worker.archiver.serve(settings, stop, own, ready_file=ready_file))


async def _then_set(first: Awaitable[object], done: asyncio.Event) -> None:
    try:
        await first
    finally:
        done.set()


def serve(
    role: Annotated[ServeRole, typer.Option(help="What this process does.")] = ServeRole.ALL,
) -> None:
    """Run one role, or all of them, in the foreground. Settings come from the environment (ASSAY_...)."""
    settings = Settings()
    logs.configure(settings.log_level, settings.log_format)

    async def until_signalled() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        await run(settings, role, stop)

    try:
        document = load_policy_document(settings.policies_dir, settings.provider_urls)
        screening = parse_policy(document).screening
        load_detectors(settings.models_dir, screening, settings.onnx.dir, settings.onnx.threads)
    except PolicyError as error:
        raise Output(as_json=False).fail(f"the policy in {settings.policies_dir} does not hold: {error}") from None
    try:
        uvloop.run(until_signalled())
    except* SpoolUnavailable as group:
        raise Output(as_json=False).fail(f"ASSAY_API__SPOOL_DIR: {group.exceptions[0]}") from None
