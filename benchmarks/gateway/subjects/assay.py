"""Assay with all features, as in ``assay up``: the real servers, and one process with every role, over HTTP.

Authentication, rate, quota, screening, encrypted history and the audit record before the reply are enabled; only the
limits are too high to be reached.
"""

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.gateway.history import history_of
from benchmarks.gateway.load.prompts import PROMPT
from benchmarks.gateway.subjects.base import Bench, Load, Measured, job, post
from benchmarks.gateway.subjects.children import pid_of
from benchmarks.gateway.subjects.guard import require_guard
from benchmarks.tools.stack import AssayStack, new_token
from config.settings import Settings
from embedded.process.child import ChildSpec
from embedded.process.ports import unused_ports
from embedded.stack import serve_spec

_TOKEN_SECONDS = 200.0  # they are valid for 900; a window is far shorter than the rest


class Assay:
    """Assay's processes over the shared servers: one with every role, or one per role."""

    share = 1.0

    def __init__(self, bench: Bench, stack: AssayStack, name: str = "assay", roles: Sequence[str] = ("all",)) -> None:
        self.name = name
        self._bench = bench
        self._stack = stack
        self._roles = roles
        self._specs: list[ChildSpec] = []
        self._settings: Settings | None = None
        self._token = ("", -math.inf)

    async def start(self) -> None:
        """Start the stack, and Assay's processes with their own task queue and port."""
        shared = await self._stack.start()
        queue = shared.temporal.model_copy(update={"task_queue": self.name})
        [port] = unused_ports(1)
        api = shared.api.model_copy(update={"port": port})
        self._settings = shared.model_copy(update={"temporal": queue, "api": api})
        self._specs = [self.spec(role) for role in self._roles]
        for spec in self._specs:
            await self._stack.servers.add(spec)
        await require_guard(await self.target(), PROMPT)

    def spec(self, role: str) -> ChildSpec:
        """Return the process of a role."""
        return serve_spec(self._stack.servers, self.settings, role)

    @property
    def settings(self) -> Settings:
        """Return the settings of its processes."""
        if self._settings is None:
            raise RuntimeError("not started")
        return self._settings

    async def target(self) -> dict[str, Any]:
        """Return the load generator's request."""
        if time.monotonic() - self._token[1] > _TOKEN_SECONDS:
            self._token = (await new_token(self.settings), time.monotonic())
        holds = ("result.content", "receipt.statement")
        bearer = {"Authorization": f"Bearer {self._token[0]}"}
        body = {"model": "fake", "prompt": PROMPT}
        return post(self.settings.api.port, "/v1/inferences", body, holds=holds, headers=bearer)

    async def run(self, load: Load) -> Measured:
        """See ``Subject``."""
        return await self._bench.generator.ask(target=await self.target(), **job(load))

    def processes(self) -> Mapping[str, Sequence[int]]:
        """See ``Subject``. The local model server runs beside it, as in ``assay up``, without work."""
        servers = self._stack.servers
        return {
            "ours": [pid_of(servers, spec.name) for spec in self._specs],
            "temporal": [pid_of(servers, "temporal")],
            "postgresql": [pid_of(servers, "postgres")],
            "openbao": [pid_of(servers, "openbao")],
        }

    async def facts(self) -> Mapping[str, Any]:
        """See ``Subject``."""
        temporal = self.settings.temporal
        return {"history": await history_of(temporal.address, temporal.namespace, temporal.task_queue)}
