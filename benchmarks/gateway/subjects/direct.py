"""The fake model without a gateway: the limit of load generator and model."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.gateway.load.prompts import PROMPT
from benchmarks.gateway.subjects.base import Bench, Load, Measured, job, post


class ModelAlone:
    """No gateway. None of its CPU time is Assay's: generator and model have their own columns."""

    name = "model_alone"
    share = 4.0

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    async def start(self) -> None:
        """See ``Subject``."""

    async def run(self, load: Load) -> Measured:
        """See ``Subject``."""
        body = {"model": "fake", "messages": [{"role": "user", "content": PROMPT}]}
        holds = ("choices.0.message.content",)
        target = post(self._bench.model.ready["port"], "/v1/chat/completions", body, holds=holds)
        return await self._bench.generator.ask(target=target, **job(load))

    def processes(self) -> Mapping[str, Sequence[int]]:
        """See ``Subject``."""
        return {}

    async def facts(self) -> Mapping[str, Any]:
        """See ``Subject``."""
        return {}
