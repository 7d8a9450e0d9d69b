"""Cosigning of the newest checkpoint of each log by a witness, after signing.

The witness knows its last signed checkpoint, and only extends it: a log that was rolled back together with the key
store is detected there.
"""

import asyncio

import structlog

from domain.transparency.checkpoints import LogFormatError, Unproven
from domain.transparency.cosignatures import WitnessRefuses, WitnessSize
from domain.transparency.heads import Published
from domain.transparency.merkle import consistency_path
from domain.transparency.sequencing_ports import CheckpointWitness, TreeStore
from domain.transparency.tiles import TileError, subtree_from_tiles, tiles_for_consistency
from services.sequencing.condition import LogCondition

_MOST_AT_ONCE = 64
_CALLS_AT_ONCE = 4
_ATTEMPTS = 3  # the reported size may be outdated, if another sequencer runs
log = structlog.get_logger(__name__)


class Witnessing:
    """Submits checkpoints to one witness."""

    def __init__(self, store: TreeStore, witness: CheckpointWitness, condition: LogCondition) -> None:
        """Take the store of the trees, and the witness."""
        self._store = store
        self._witness = witness
        self._condition = condition
        self._sizes: dict[str, int] = {}
        self._told: dict[str, str] = {}

    async def submit(self) -> int:
        """Have new checkpoints cosigned; return their number.

        Raises:
            Refusal: STORE_UNAVAILABLE, also if the witness is unavailable. The rest is submitted later.
        """
        limit = asyncio.Semaphore(_CALLS_AT_ONCE)

        async def one(checkpoint: Published) -> bool:
            async with limit:
                return await self._submit(checkpoint)

        waiting = await self._store.uncosigned(self._witness.cosigner, _MOST_AT_ONCE)
        outcomes = await asyncio.gather(*map(one, waiting), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        return sum(outcome is True for outcome in outcomes)

    async def _submit(self, checkpoint: Published) -> bool:
        tenant = checkpoint.tenant
        for _ in range(_ATTEMPTS):
            old = self._sizes.get(tenant, 0)
            if old > checkpoint.size:
                if (newer := await self._store.newest_size(tenant)) < old:
                    self._tell(checkpoint, f"the witness has seen {old} records of this log, which now has {newer}")
                self._sizes.pop(tenant)  # ask the witness next time
                return False
            try:
                line = await self._witness.add_checkpoint(old, await self._path(checkpoint, old), checkpoint.note)
            except WitnessSize as wrong:
                self._sizes[tenant] = wrong.size
                continue
            except (WitnessRefuses, LogFormatError, Unproven, TileError) as error:
                self._tell(checkpoint, str(error))
                self._sizes.pop(tenant, None)
                return False
            self._sizes[tenant] = checkpoint.size
            if self._told.pop(tenant, None) is not None:
                self._condition.unwitnessed.discard(tenant)
                log.info("log.witnessed_again", tenant=tenant)
            self._condition.cosigned += 1
            return await self._store.add_cosignature(tenant, checkpoint.size, line)
        return False

    async def _path(self, checkpoint: Published, old: int) -> list[bytes]:
        if not 0 < old < checkpoint.size:
            return []
        wanted = [(checkpoint.tenant, tile) for tile in tiles_for_consistency(old, checkpoint.size)]
        tiles = (await self._store.tiles(wanted)).get(checkpoint.tenant, {})
        return consistency_path(old, checkpoint.size, lambda level, idx: subtree_from_tiles(level, idx, tiles))

    def _tell(self, checkpoint: Published, reason: str) -> None:
        """Log a problem once: a rollback of the log, or a log unknown to the witness."""
        self._condition.unwitnessed.add(checkpoint.tenant)
        if self._told.get(checkpoint.tenant) != reason:
            self._told[checkpoint.tenant] = reason
            log.error("log.not_witnessed", security=True, tenant=checkpoint.tenant, size=checkpoint.size, reason=reason)
