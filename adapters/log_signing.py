"""Signs the heads of the tenants' trees: only those that extend the last checkpoint kept in the key store.

So a database that was rolled back or changed is found, and never signed over. Any number of processes may sign: the key
store's check-and-set lets one checkpoint follow another.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog

from adapters.log_signer_vault import KeptCheckpoint, VaultLogSigner
from adapters.log_store_postgres import LogHead, PostgresLogStore
from domain.tiles import TileError

log = structlog.get_logger(__name__)


@dataclass
class LogCondition:
    """What is known of the logs, for metrics and reports. ``refused`` says by tenant why a head is not signed."""

    sequenced: int = 0
    checkpoints: int = 0
    waiting: int = 0
    oldest_seconds: float = 0.0
    refused: dict[str, str] = field(default_factory=dict)


class HeadSigner:
    """Signs what grew, each tenant's head at most every ``checkpoint_seconds``."""

    def __init__(
        self,
        store: PostgresLogStore,
        signer: VaultLogSigner,
        condition: LogCondition,
        *,
        checkpoint_seconds: float = 1.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the store of the trees, and what signs and keeps checkpoints."""
        self._store = store
        self._signer = signer
        self._condition = condition
        self._seconds = checkpoint_seconds
        self._monotonic = monotonic
        self._tried_at: dict[str, float] = {}

    async def sign(self) -> float | None:
        """Sign the heads that grew and are due; the seconds until the next is due, or None if none is left.

        Raises:
            Refusal: STORE_UNAVAILABLE, VAULT_UNAVAILABLE. What was not signed is signed later.
        """
        now = self._monotonic()
        waits = {head: self._due_in(head.tenant, now) for head in await self._store.unsigned()}
        due = [head for head, wait in waits.items() if wait <= 0]
        extending: list[LogHead] = []
        for head in due:
            self._tried_at[head.tenant] = now
            if not await self.extends(head):
                continue
            kept = await self._signer.kept(head.tenant)
            if kept is not None and kept.checkpoint.size == head.edge.size:
                await self._publish(head.tenant, kept)  # by a process that came no further than keeping it
            else:
                extending.append(head)
        await self._sign(extending)
        return min((wait for wait in waits.values() if wait > 0), default=None)

    async def survey(self) -> None:
        """Look at every tree, whether or not it grew.

        Raises:
            Refusal: STORE_UNAVAILABLE, VAULT_UNAVAILABLE.
        """
        for head in await self._store.heads():
            await self._signer.kept(head.tenant, fresh=True)
            await self.extends(head)

    async def extends(self, head: LogHead) -> bool:
        """Whether a head extends the checkpoint that was kept. If it does not seem to, what is kept is read anew.

        Raises:
            Refusal: STORE_UNAVAILABLE, VAULT_UNAVAILABLE.
        """
        wrong = await self._contradiction(head, await self._signer.kept(head.tenant))
        if wrong is not None:
            wrong = await self._contradiction(head, await self._signer.kept(head.tenant, fresh=True))
        if wrong is None:
            self._condition.refused.pop(head.tenant, None)
            return True
        if self._condition.refused.get(head.tenant) != wrong:
            log.error("log.not_signed", security=True, tenant=head.tenant, reason=wrong, size=head.edge.size)
            self._condition.refused[head.tenant] = wrong
        return False

    async def _sign(self, heads: Sequence[LogHead]) -> None:
        if not heads:
            return
        checkpoints = [self._signer.checkpoint(head.tenant, head.edge.size, head.edge.root()) for head in heads]
        for head, note in zip(heads, await self._signer.sign(checkpoints), strict=True):
            if not await self._signer.keep(head.tenant, note):
                continue  # another process signed meanwhile: the next turn sees what it kept
            self._condition.checkpoints += 1
            await self._store.publish(head.tenant, head.edge.size, head.edge.root(), note)

    async def _publish(self, tenant: str, kept: KeptCheckpoint) -> None:
        await self._store.publish(tenant, kept.checkpoint.size, kept.checkpoint.root, kept.note)

    async def _contradiction(self, head: LogHead, kept: KeptCheckpoint | None) -> str | None:
        if await self._root_at(head.tenant, head.edge.size) != head.edge.root():
            return "the tree does not fit its own head"
        if kept is None or kept.checkpoint.size == 0:
            return None
        if kept.checkpoint.size > head.edge.size:
            return "the store was rolled back: the tree is smaller than the last checkpoint"
        if await self._root_at(head.tenant, kept.checkpoint.size) != kept.checkpoint.root:
            return "the store was changed: the tree does not extend the last checkpoint"
        return None

    async def _root_at(self, tenant: str, size: int) -> bytes | None:
        """The root from the tiles, or None where they don't make one."""
        try:
            return await self._store.root_at(tenant, size)
        except TileError:
            return None

    def _due_in(self, tenant: str, now: float) -> float:
        return self._tried_at.get(tenant, now - self._seconds) + self._seconds - now
