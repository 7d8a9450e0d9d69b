"""Exchanges of a client with the gateway, and what each one cost."""

import itertools
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.clients.dialects import Dialect
from tests.clients.door import Door
from tests.clients.program import ClientProgram
from tests.gateway import Gateway

ANSWERED = {"admitted": 1, "completed": 1}
"""The records of one answered run."""
COUNTS = """
SELECT kind, count(*) AS amount FROM assay.record WHERE tenant = $1 GROUP BY kind
UNION ALL SELECT ' used', coalesce(sum(used), 0) FROM assay.quota_account WHERE tenant = $1
UNION ALL SELECT ' reserved', coalesce(sum(reserved), 0) FROM assay.quota_account WHERE tenant = $1
"""
"""Records of a tenant by kind, and its tokens."""
_NUMBERS = itertools.count(1)


def new(text: str) -> str:
    """Return a text that nothing was asked with before: an equal request may join the run of an earlier one."""
    return f"{text} ({next(_NUMBERS)})"


@dataclass
class Cost:
    """Requests at the door, calls of the model, tokens charged, and new records by kind."""

    requests: int = 0
    upstream: int = 0
    tokens: int = 0
    reserved: int = 0
    records: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Exchanges:
    """A client's program in front of a door to the gateway."""

    gateway: Gateway
    door: Door
    program: ClientProgram

    @asynccontextmanager
    async def costing(self, client: str = "acme-app") -> AsyncIterator[Cost]:
        """Measure what happens within: the cost is complete afterwards."""
        tenant = client.partition("-")[0]
        assert self.gateway.provider is not None
        requests, upstream = len(self.door.seen), self.gateway.provider.stats.received
        before = await self._counts(tenant)
        cost = Cost()
        yield cost
        after = await self._counts(tenant)
        cost.requests = len(self.door.seen) - requests
        cost.upstream = self.gateway.provider.stats.received - upstream
        changes = {name: after[name] - before[name] for name in after if after[name] != before[name]}
        cost.tokens, cost.reserved = changes.pop(" used", 0), changes.pop(" reserved", 0)
        cost.records = changes

    async def _counts(self, tenant: str) -> Counter[str]:
        rows = await self.gateway.superuser(COUNTS, tenant)
        return Counter({row["kind"]: int(row["amount"]) for row in rows})

    async def call(
        self,
        dialect: Dialect,
        arguments: dict[str, Any],
        form: str = "whole",
        client: str = "acme-app",
        **options: Any,
    ) -> dict[str, Any]:
        """Have the SDK make a call."""
        return await self.program.ask(
            "call",
            package=dialect.package,
            base_url=dialect.base(self.door.address),
            key=await self.gateway.token(client),
            of=dialect.of,
            arguments=arguments,
            form=form,
            **options,
        )
