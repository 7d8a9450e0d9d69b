"""Signing of the tenants' tree heads: only those proven to extend the last checkpoint in the key store.

So a database that was rolled back or changed is detected, and never signed. The order is: prove, sign, store, publish.
A process may die between any two of these, and any number may run: the key store's check-and-set makes each checkpoint
extend the one before, and the next process publishes the stored one and continues.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import structlog

from domain.refusals import Kind, Refusal
from domain.transparency.checkpoints import Checkpoint
from domain.transparency.heads import (
    KeptCheckpoint,
    LogHead,
    Published,
    RolledBack,
    TenantTile,
    TreeHead,
    growth,
    tiles_for_growth,
)
from domain.transparency.merkle import edge_of
from domain.transparency.sequencing_ports import CheckpointSigner, TreeStore
from domain.transparency.tiles import TileError, TileId, subtree_from_tiles, tiles_for_edge
from services.sequencing.condition import LogCondition

T = TypeVar("T")
_CALLS_AT_ONCE = 4  # more would spend their time limit waiting for a thread
_MOST_AT_ONCE = 256
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Proven:
    """A head that extends the stored checkpoint, and the consistency proof between the two."""

    head: LogHead
    kept: KeptCheckpoint | None
    path: tuple[bytes, ...]


class HeadSigner:
    """Signs grown trees, each tenant's head at most every ``checkpoint_seconds``."""

    def __init__(
        self,
        store: TreeStore,
        signer: CheckpointSigner,
        condition: LogCondition,
        *,
        checkpoint_seconds: float = 1.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the store of the trees, and the signer and storage of checkpoints."""
        self._store = store
        self._signer = signer
        self._condition = condition
        self._seconds = checkpoint_seconds
        self._monotonic = monotonic
        self._tried_at: dict[str, float] = {}

    async def sign(self) -> float | None:
        """Sign grown heads that are due. Return the seconds until the next is due, or None.

        Raises:
            Refusal: STORE_UNAVAILABLE, VAULT_UNAVAILABLE. Unsigned heads are signed later.
        """
        now = self._monotonic()
        waits = {head: self._due_in(head.tenant, now) for head in await self._store.unsigned()}
        ripe = sorted((head for head, wait in waits.items() if wait <= 0), key=lambda head: waits[head])
        for head in ripe[:_MOST_AT_ONCE]:
            self._tried_at[head.tenant] = now
        proven = await self._examine(ripe[:_MOST_AT_ONCE])
        kept = [  # by a process that only stored it
            Published(one.head.tenant, one.kept.checkpoint.size, one.kept.checkpoint.root, one.kept.note)
            for one in proven
            if one.kept and one.kept.checkpoint.size > one.head.signed
        ]
        if kept:
            await self._store.publish(kept)
        await self._sign([one for one in proven if not one.kept or one.head.edge.size > one.kept.checkpoint.size])
        if len(ripe) > _MOST_AT_ONCE:
            return 0.0
        return min((wait for wait in waits.values() if wait > 0), default=None)

    async def survey(self) -> None:
        """Check every tree, also those that did not grow.

        Raises:
            Refusal: STORE_UNAVAILABLE, VAULT_UNAVAILABLE.
        """
        heads = await self._store.heads()
        for head in heads:
            self._signer.forget(head.tenant)
        for gone in self._condition.refused.keys() - {head.tenant for head in heads}:
            del self._condition.refused[gone]
        for at in range(0, len(heads), _MOST_AT_ONCE):
            await self._examine(heads[at : at + _MOST_AT_ONCE])

    async def extends(self, head: LogHead) -> bool:
        """Return True if a head extends the stored checkpoint.

        Raises:
            Refusal: STORE_UNAVAILABLE, VAULT_UNAVAILABLE.
        """
        return bool(await self._examine([head]))

    async def _examine(self, heads: Sequence[LogHead]) -> list[Proven]:
        """Return the heads that may be signed. Checkpoints stored by others are read again before one is refused."""
        proven, doubted = await self._prove(heads)
        for head, _, _ in doubted:
            self._signer.forget(head.tenant)
        again, wrong = await self._prove([head for head, _, _ in doubted]) if doubted else ([], [])
        for head, kept, reason in wrong:
            self._refuse(head, kept, reason)
        for one in (*proven, *again):
            if self._condition.refused.pop(one.head.tenant, None) is not None:
                log.info("log.restored", tenant=one.head.tenant)
        return [*proven, *again]

    async def _prove(
        self, heads: Sequence[LogHead]
    ) -> tuple[list[Proven], list[tuple[LogHead, KeptCheckpoint | None, str]]]:
        kept, wrong = dict[LogHead, KeptCheckpoint | None](), list[tuple[LogHead, KeptCheckpoint | None, str]]()
        looks = await _few_at_once([partial(self._signer.kept, head.tenant) for head in heads])
        for head, found in zip(heads, looks, strict=True):
            if isinstance(found, Refusal) and found.kind is not Kind.VAULT_UNAVAILABLE:
                wrong.append((head, None, found.detail))
            elif isinstance(found, BaseException):
                raise found
            else:
                kept[head] = found
        wanted: set[TenantTile] = {
            (head.tenant, tile) for head, known in kept.items() for tile in _tiles_for(head, known)
        }
        tiles = await self._store.tiles(sorted(wanted))
        proven = list[Proven]()
        for head, known in kept.items():
            try:
                proven.append(Proven(head, known, _proof(head, known, tiles.get(head.tenant, {}))))
            except RolledBack as error:
                wrong.append((head, known, str(error)))
        return proven, wrong

    def _refuse(self, head: LogHead, kept: KeptCheckpoint | None, reason: str) -> None:
        self._condition.refusals += 1
        if self._condition.refused.get(head.tenant) != reason:
            self._condition.refused[head.tenant] = reason
            sizes = {"size": head.edge.size, "signed": kept.checkpoint.size if kept else 0}
            log.error("log.rolled_back", security=True, tenant=head.tenant, reason=reason, **sizes)

    async def _sign(self, grown: Sequence[Proven]) -> None:
        if not grown:
            return
        notes = await self._signer.sign([self._next(one) for one in grown])
        keeping = [
            partial(self._signer.keep, one.head.tenant, note, after=one.kept)
            for one, note in zip(grown, notes, strict=True)
        ]
        outcomes = await _few_at_once(keeping)
        # A signature that lost to another one, or whose storage is uncertain, is discarded: the next turn decides.
        won = [
            Published(head.tenant, head.edge.size, head.edge.root(), note)
            for head, note, outcome in zip((one.head for one in grown), notes, outcomes, strict=True)
            if outcome is True
        ]
        if won:
            await self._store.publish(won)
            self._condition.checkpoints += len(won)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    def _next(self, grown: Proven) -> Checkpoint:
        previous = grown.kept.checkpoint.size if grown.kept else 0
        return self._signer.checkpoint(grown.head.tenant, grown.head.edge.size, grown.head.edge.root(), previous)

    def _due_in(self, tenant: str, now: float) -> float:
        tried_at = self._tried_at.get(tenant)
        return 0.0 if tried_at is None else tried_at + self._seconds - now


def _tiles_for(head: LogHead, kept: KeptCheckpoint | None) -> list[TileId]:
    growing = tiles_for_growth(_kept_head(kept), _head(head)) if kept else []
    return [*tiles_for_edge(head.edge.size), *growing]


def _proof(head: LogHead, kept: KeptCheckpoint | None, tiles: Mapping[TileId, bytes]) -> tuple[bytes, ...]:
    """Return the consistency proof. Raises ``RolledBack`` if there is none."""
    if kept is not None and kept.checkpoint.size > head.edge.size and not head.damaged:
        raise RolledBack("the store was rolled back: the tree is smaller than the last checkpoint")
    try:
        fits = edge_of(head.edge.size, lambda level, idx: subtree_from_tiles(level, idx, tiles)) == head.edge
    except TileError:
        fits = False
    if head.damaged or not fits:
        raise RolledBack("the tree does not match its own head")
    if kept is None:
        return ()
    try:
        return tuple(growth(_kept_head(kept), _head(head), tiles))
    except RolledBack:
        raise RolledBack("the store was changed: the tree does not extend the last checkpoint") from None


def _head(head: LogHead) -> TreeHead:
    return TreeHead(head.edge.size, head.edge.root())


def _kept_head(kept: KeptCheckpoint) -> TreeHead:
    return TreeHead(kept.checkpoint.size, kept.checkpoint.root)


async def _few_at_once(calls: Sequence[Callable[[], Awaitable[T]]]) -> list[T | BaseException]:
    """Return each call's result or exception."""
    limit = asyncio.Semaphore(_CALLS_AT_ONCE)

    async def one(call: Callable[[], Awaitable[T]]) -> T:
        async with limit:
            return await call()

    return await asyncio.gather(*map(one, calls), return_exceptions=True)
