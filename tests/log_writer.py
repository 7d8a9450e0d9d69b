"""The log's sequencer, one step at a time."""

import asyncio
from collections.abc import Collection, Mapping
from typing import Any

import hvac

from adapters.log.store import PostgresLogStore
from adapters.postgres.pool import PostgresPool
from adapters.vault.calls import kv_delete, kv_names, kv_read, kv_write
from adapters.vault.log_signer import VaultLogSigner
from adapters.vault.public_keys import VaultPublicKeys
from adapters.vault.session import ServiceSession
from services.sequencing.condition import LogCondition
from services.sequencing.head_signer import HeadSigner
from services.sequencing.turns import Pace, Sequencer

LOG_NAME = "assay.local"


class LogWriter:
    """Sequences and signs as the sequencer does; ``client`` has Vault's root token, to put its checkpoints back."""

    def __init__(self, session: ServiceSession, pool: PostgresPool, client: hvac.Client) -> None:
        self._session = session
        self._store = PostgresLogStore(pool)
        self._client = client

    async def sequence(self) -> None:
        """Move what is pending into the trees."""
        while await self._store.sequence(4096):
            pass

    async def sign(self) -> LogCondition:
        """Sign the heads that grew, as a sequencer that has just begun. Says which it would not."""
        condition = LogCondition()
        signer = VaultLogSigner(self._session, VaultPublicKeys(self._session), log_name=LOG_NAME)
        await HeadSigner(self._store, signer, condition).sign()
        return condition

    def sequencer(self) -> Sequencer:
        """Return a sequencer that looks at every log all the time."""
        condition = LogCondition()
        signer = VaultLogSigner(self._session, VaultPublicKeys(self._session), log_name=LOG_NAME)
        pace = Pace(measure=0.05, survey=0.05)
        return Sequencer(self._store, HeadSigner(self._store, signer, condition), condition, pace)

    async def kept(self, tenant: str) -> Mapping[str, Any]:
        """Return Vault's last checkpoint of the tenant's log."""
        found = await asyncio.to_thread(kv_read, self._client, "assay", f"log/{tenant}")
        assert found is not None
        return found.data

    async def put_back(self, tenant: str, kept: Mapping[str, Any]) -> None:
        """Have Vault keep that again."""
        await asyncio.to_thread(kv_write, self._client, "assay", f"log/{tenant}", kept)

    async def forget_others(self, tenants: Collection[str]) -> None:
        """Have Vault keep nothing of other tenants' logs."""
        for tenant in set(await asyncio.to_thread(kv_names, self._client, "assay", "log")) - set(tenants):
            await asyncio.to_thread(kv_delete, self._client, "assay", f"log/{tenant}")
