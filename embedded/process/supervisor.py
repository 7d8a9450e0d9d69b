"""Supervisor of children: starts them, restarts those that end, stops them in reverse order."""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import structlog

from embedded.process.child import Child, ChildSpec
from embedded.process.errors import EmbeddedError
from embedded.process.layout import Layout

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 10.0
_HEALTHY_SECONDS = 30.0
_log = structlog.get_logger()


@dataclass(frozen=True)
class ChildStatus:
    """State of a child: its process ID while it runs, readiness, number of restarts."""

    name: str
    pid: int | None
    ready: bool
    restarts: int


@dataclass
class _Supervised:
    child: Child
    watch: "asyncio.Task[None] | None" = None
    restarts: int = 0
    guard: asyncio.Lock = field(default_factory=asyncio.Lock)


class Supervisor:
    """Runs children in groups: a group stops together, later groups before earlier ones."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._entries: dict[str, _Supervised] = {}
        self._groups: list[tuple[str, ...]] = []

    async def start(self, specs: Iterable[ChildSpec]) -> None:
        """Start a group of children concurrently and wait until all are ready.

        Raises:
            EmbeddedError: the first failure; the whole group has been stopped then.
        """
        group = {spec.name: _Supervised(Child(spec, self._layout)) for spec in specs}
        if taken := group.keys() & self._entries.keys():
            raise EmbeddedError(f"children with these names already exist: {', '.join(sorted(taken))}")
        self._entries |= group
        self._groups.append(tuple(group))
        tasks = [asyncio.ensure_future(entry.child.start()) for entry in group.values()]
        try:
            await asyncio.gather(*tasks)
        except BaseException:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._stop_group(self._groups.pop())
            raise
        for name, entry in group.items():
            entry.watch = asyncio.create_task(self._watch(entry), name=f"watch-{name}")

    async def stop(self) -> None:
        """Stop all children: groups in reverse order, each group's members concurrently."""
        while self._groups:
            await self._stop_group(self._groups.pop())

    async def restart(self, name: str) -> None:
        """Stop one child in order and start it again; returns when it is ready.

        Raises:
            KeyError: if there is no such child.
            EmbeddedError: if it did not start; it stays stopped then.
        """
        entry = self._entries[name]
        async with entry.guard:
            if self._entries.get(name) is not entry:  # stopped during the wait
                raise KeyError(name)
            await _cancelled(entry.watch)
            await entry.child.stop()
            try:
                await entry.child.start()
            except BaseException:
                await entry.child.stop()
                raise
            entry.restarts += 1
            entry.watch = asyncio.create_task(self._watch(entry), name=f"watch-{name}")

    async def kill(self, name: str) -> None:
        """Kill one child (SIGKILL) as if it had crashed: the supervisor starts it again. For tests and drills."""
        await self._entries[name].child.kill()

    async def until_ready(self, name: str) -> None:
        """Wait until a child is ready, for example after ``kill``. Set a deadline with ``asyncio.timeout``."""
        await self._entries[name].child.ready.wait()

    def status(self) -> tuple[ChildStatus, ...]:
        """Return every child's state, in starting order."""
        return tuple(
            ChildStatus(name, entry.child.pid, entry.child.ready.is_set(), entry.restarts)
            for name, entry in self._entries.items()
        )

    async def _stop_group(self, names: Iterable[str]) -> None:
        entries = [self._entries.pop(name) for name in names]
        await asyncio.gather(*(self._stop_entry(entry) for entry in entries))

    @staticmethod
    async def _stop_entry(entry: _Supervised) -> None:
        async with entry.guard:
            await _cancelled(entry.watch)
            await entry.child.stop()

    async def _watch(self, entry: _Supervised) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while True:
            began, pid = time.monotonic(), entry.child.pid
            code = await entry.child.exited()
            _log.warning("embedded.child_ended", child=entry.child.spec.name, pid=pid, exit_code=code)
            if time.monotonic() - began > _HEALTHY_SECONDS:
                pause = _FIRST_PAUSE_SECONDS
            revived = False
            while not revived:
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
                revived = await self._revived(entry)

    @staticmethod
    async def _revived(entry: _Supervised) -> bool:
        name = entry.child.spec.name
        try:
            await entry.child.stop()  # remains of a failed start
            await entry.child.start()
        except Exception as error:  # noqa: BLE001 - a hook may raise anything, and the child must be tried again
            _log.error("embedded.restart_failed", child=name, kind=type(error).__name__)
            return False
        entry.restarts += 1
        _log.info("embedded.child_restarted", child=name, pid=entry.child.pid)
        return True


async def _cancelled(task: "asyncio.Task[None] | None") -> None:
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
