"""Exchanges of a client with the gateway, and what each one cost."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.clients.dialects import Dialect
from tests.clients.door import Door
from tests.clients.program import ClientProgram
from tests.gateway import Gateway


@dataclass
class Cost:
    """Requests at the door, calls of the model, tokens charged, and new records by kind."""

    requests: int = 0
    upstream: int = 0
    tokens: int = 0
    reserved: int = 0
    records: Counter[str] = field(default_factory=Counter)


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
        (tokens, reserved), records = await self.gateway.budget(tenant), await self._records(tenant)
        cost = Cost()
        yield cost
        now, held = await self.gateway.budget(tenant)
        cost.requests = len(self.door.seen) - requests
        cost.upstream = self.gateway.provider.stats.received - upstream
        cost.tokens, cost.reserved = now - tokens, held - reserved
        cost.records = await self._records(tenant) - records

    async def _records(self, tenant: str) -> Counter[str]:
        rows = await self.gateway.superuser(
            "SELECT kind, count(*) AS records FROM assay.record WHERE tenant = $1 GROUP BY kind", tenant
        )
        return Counter({row["kind"]: row["records"] for row in rows})

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
