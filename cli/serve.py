"""``assay serve``: one process in one or all of its roles."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
import uvloop

from cli.output import Output
from config import logs, roles
from config.roles import ProcessRole
from config.settings import Settings
from domain.policy.reader import PolicyError
from domain.records.spool import SpoolUnavailable

if TYPE_CHECKING:
    from adapters.temporal.client import TemporalConnection

EVERY: Final = "all"
CHOICES: Final = (*(role.name for role in roles.SERVING), EVERY)


class Processes:
    """The processes of all roles, over what roles in one process share. Each serves until its event is set."""

    def __init__(self, settings: Settings, *, alone: bool) -> None:
        """Take the settings. ``alone``: this process has one role, whose process marks the ready file."""
        # imported here and below: these take a second to load, which other commands and roles should not pay
        from api.http.metrics import Metrics  # noqa: PLC0415
        from assay_temporal.contracts import InferenceResult  # noqa: PLC0415
        from services.runs.local_feed import LocalRunFeed  # noqa: PLC0415

        self._settings = settings
        self._ready_file: Path | None = settings.worker.ready_file if alone else None
        self.metrics = Metrics()
        self._feed: LocalRunFeed[InferenceResult] = LocalRunFeed()
        self._temporal = self._connection()

    @property
    def by_role(self) -> Mapping[str, Callable[[asyncio.Event], Awaitable[None]]]:
        """The process of each role, by the role's name."""
        return {
            roles.API.name: self._api,
            roles.WORKER.name: self._worker,
            roles.SEQUENCER.name: self._sequencer,
            roles.ARCHIVER.name: self._archiver,
        }

    def _api(self, stop: asyncio.Event) -> Awaitable[None]:
        import api.main  # noqa: PLC0415

        return api.main.serve(self._settings, stop, self._temporal, self.metrics, self._feed)

    def _worker(self, stop: asyncio.Event) -> Awaitable[None]:
        import worker.main  # noqa: PLC0415

        registry = self.metrics.registry
        return worker.main.serve(self._settings, stop, self._temporal, self._feed, registry)

    def _sequencer(self, stop: asyncio.Event) -> Awaitable[None]:
        import worker.sequencer  # noqa: PLC0415

        return worker.sequencer.serve(self._settings, stop, self.metrics.registry, ready_file=self._ready_file)

    def _archiver(self, stop: asyncio.Event) -> Awaitable[None]:
        import worker.archiver  # noqa: PLC0415

        # a separate client: its login decrypts Assay's own payloads, and no tenant's
        return worker.archiver.serve(self._settings, stop, self._connection(), ready_file=self._ready_file)

    def _connection(self) -> "TemporalConnection":
        from adapters.temporal.client import TemporalConnection  # noqa: PLC0415

        return TemporalConnection(self._settings.temporal, self.metrics.payloads_refused.inc)


async def run(settings: Settings, wanted: Sequence[ProcessRole], stop: asyncio.Event) -> None:
    """Serve until ``stop`` is set, then drain in the order of the role table: the API first, so that nothing new comes.

    A process with one role serves its metrics itself, where the role's setting names a port.
    """
    from worker.log_metrics import metrics_port  # noqa: PLC0415

    processes = Processes(settings, alone=len(wanted) == 1)
    ended = {role.name: asyncio.Event() for role in wanted}
    with ExitStack() as stack:
        if len(wanted) == 1:
            stack.enter_context(metrics_port(metrics_port_of(settings, wanted[0]), processes.metrics.registry))
        async with asyncio.TaskGroup() as group:
            for role in wanted:
                process = processes.by_role[role.name]
                first = ended.get(role.ends_after or "", stop)
                group.create_task(_then_set(process(first), ended[role.name]))


def metrics_port_of(settings: Settings, role: ProcessRole) -> int | None:
    """The loopback port for metrics of a process in this role alone."""
    if role.metrics_setting is None:
        return None
    group, name = role.metrics_setting
    port: int | None = getattr(getattr(settings, group), name)
    return port


async def _then_set(first: Awaitable[object], done: asyncio.Event) -> None:
    try:
        await first
    finally:
        done.set()


def _role(value: str) -> str:
    if value not in CHOICES:
        raise typer.BadParameter(f"'{value}' is not one of {', '.join(map(repr, CHOICES))}.")
    return value


def serve(
    role: Annotated[
        str, typer.Option(parser=_role, metavar=f"<{'|'.join(CHOICES)}>", help="The process role to run.")
    ] = EVERY,
) -> None:
    """Run one role, or all of them, in the foreground. Settings come from the environment (ASSAY_...)."""
    settings = Settings()
    logs.configure(settings.log_level, settings.log_format)
    wanted = roles.SERVING if role == EVERY else (roles.named(role),)

    async def until_signalled() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        await run(settings, wanted, stop)

    try:
        uvloop.run(until_signalled())
    except* SpoolUnavailable as group:
        raise Output(as_json=False).fail(f"ASSAY_API__SPOOL_DIR: {group.exceptions[0]}") from None
    except* PolicyError as group:
        raise Output(as_json=False).fail(f"a model of the screening can't be used: {group.exceptions[0]}") from None
