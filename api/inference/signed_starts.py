"""Signed starts of runs: their caller and body, as authenticated by the API.

For runs that ended before results had a proof, they are the evidence of the caller.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from assay_temporal import start_context
from assay_temporal.keyring import KeyRing
from domain.access.principals import SYSTEM_TENANT
from domain.identity import caller_hash
from domain.inference.parsing import request_hash
from domain.ports import IdentityKeys
from domain.records.reconciliation_ports import RunLists


@dataclass(frozen=True, slots=True)
class AuthenticatedStart:
    """A run's start. ``caller``: the keyed hash of who sent ``body``; ``at``: the time in its event IDs."""

    caller: str
    body: Mapping[str, Any]
    at: datetime


class SignedStarts:
    """Signed starts of runs, as the workflow engine keeps them."""

    def __init__(self, runs: RunLists, keyring: KeyRing, identities: IdentityKeys) -> None:
        """Take the ports."""
        self._runs = runs
        self._keyring = keyring
        self._identities = identities

    async def caller(self, public_id: str) -> str | None:
        """Return the keyed hash of the caller authenticated by the API; None for other starts. Raises as ``start``."""
        found = await self.start(public_id)
        return None if found is None else found.caller

    async def began(self, public_id: str) -> datetime | None:
        """Return the time in a run's event IDs; None for a run that is unknown. Raises as ``start``."""
        newest = await self._runs.newest(public_id)
        beginning = await self._runs.beginning(public_id, newest) if newest else None
        return None if beginning is None else beginning.started_at

    async def start(self, public_id: str) -> AuthenticatedStart | None:
        """Return the start authenticated by the API; None for others and unknown runs.

        Raises:
            Refusal: ENGINE_UNAVAILABLE, VAULT_UNAVAILABLE.
            KeyUnavailable: the key store is unavailable.
        """
        newest = await self._runs.newest(public_id)
        beginning = await self._runs.beginning(public_id, newest) if newest else None
        given = beginning.argument if beginning else None
        if beginning is None or not isinstance(given, dict):
            return None
        try:
            context = await start_context.verify(
                given.get("context"),
                self._keyring,
                workflow_id=public_id,
                request_hash=request_hash(given.get("request")),
                started_at=beginning.started_at.timestamp(),
                countersigner=SYSTEM_TENANT,
            )
        except (start_context.InvalidContext, ValueError, TypeError):
            return None
        if not context.countersigned:
            return None
        key = await self._identities.tenant_key(context.tenant)
        caller = caller_hash(key, context.tenant, context.client_id, context.subject, issuer=context.issuer)
        return AuthenticatedStart(caller, given["request"], beginning.started_at)
