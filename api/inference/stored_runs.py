"""Runs that are kept as responses, read again by their own caller."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from api.inference.engine_errors import keys_or_refusal, not_found
from api.inference.signed_starts import SignedStarts
from domain.access.principals import Principal
from domain.identity import tenant_of_run
from domain.inference.ports import DeletedResponses
from domain.refusals import Refusal


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run kept as a response: its ID, its signed body, and the time in its event IDs."""

    id: str
    body: Mapping[str, Any]
    started_at: datetime


class StoredRuns:
    """Runs whose signed body says that they are kept as responses, until these are deleted."""

    def __init__(self, starts: SignedStarts, deleted: DeletedResponses, require_engine: Callable[[], None]) -> None:
        """Take the parts. ``require_engine`` refuses while Temporal is known to be unavailable."""
        self._starts = starts
        self._deleted = deleted
        self._require_engine = require_engine

    async def own(self, public_id: str, principal: Principal) -> StoredRun:
        """Return the principal's own run.

        Raises:
            Refusal: NOT_FOUND, also for another caller's run, for one that is not kept and for a deleted response;
                ENGINE_UNAVAILABLE, STORE_UNAVAILABLE, VAULT_UNAVAILABLE.
        """
        if tenant_of_run(public_id) != principal.tenant:
            raise not_found()
        self._require_engine()
        async with keys_or_refusal():
            start = await self._starts.start(public_id)
        if start is None or start.caller != principal.caller or not _kept(start.body):
            raise not_found()
        if await self._deleted.has(principal.tenant, public_id):
            raise not_found()
        return StoredRun(public_id, start.body, start.at)

    async def began(self, public_id: str) -> int | None:
        """Return the start of any run in epoch seconds; None while it is unknown."""
        try:
            self._require_engine()
            async with keys_or_refusal():
                found = await self._starts.began(public_id)
        except Refusal:
            return None
        return None if found is None else int(found.timestamp())

    async def delete(self, public_id: str, principal: Principal) -> None:
        """Delete the response of the principal's own run. The run and its record stay. Raises as ``own``."""
        await self.own(public_id, principal)
        await self._deleted.add(principal.tenant, public_id)


def _kept(body: Mapping[str, Any]) -> bool:
    kept = body.get("response")
    return isinstance(kept, Mapping) and kept.get("store", True) is True
