"""The sequencer's process: wiring."""

import asyncio
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry

from adapters.log.store import PostgresLogStore
from adapters.log.witness import HttpWitness
from adapters.postgres.pool import PostgresPool
from adapters.tokens.signatures import ed25519_holds
from adapters.vault.log_signer import VaultLogSigner
from adapters.vault.public_keys import VaultPublicKeys
from adapters.vault.session import ServiceSession
from config import roles
from config.settings import AuditSettings, Settings
from domain.transparency.cosignatures import parse_cosigner
from services.sequencing.condition import LogCondition
from services.sequencing.head_signer import HeadSigner
from services.sequencing.turns import Sequencer
from services.sequencing.witnessing import Witnessing
from worker.log_metrics import LogMetrics
from worker.ready import mark_ready

log = structlog.get_logger(__name__)


async def serve(
    settings: Settings,
    stop: asyncio.Event,
    registry: CollectorRegistry,
    *,
    ready_file: Path | None = None,
) -> None:
    """Sequence until ``stop`` is set. Another process can continue at any time."""
    condition = LogCondition()
    registry.register(LogMetrics(condition))
    async with AsyncExitStack() as stack:
        vault = settings.vault
        session = ServiceSession(vault, vault.approle(roles.SEQUENCER), threads=4)
        stack.push_async_callback(session.close)
        await session.start()
        database = settings.database.model_copy(update={"pool_size": 5})  # one per turn
        pool = PostgresPool(session, database, roles.SEQUENCER_LOGIN.name, mount=vault.database_mount)
        stack.push_async_callback(pool.close)
        await pool.start()
        store = PostgresLogStore(pool)
        signer = VaultLogSigner(
            session,
            VaultPublicKeys(session, transit_mount=vault.transit_mount),
            log_name=settings.audit.log_name,
            kv_mount=vault.kv_mount,
            transit_mount=vault.transit_mount,
        )
        heads = HeadSigner(store, signer, condition, checkpoint_seconds=settings.audit.checkpoint_seconds)
        sequencer = Sequencer(
            store,
            heads,
            condition,
            witnessing=await _witnessing(settings.audit, store, condition, stack),
            max_merge_delay_seconds=settings.audit.promise_seconds,
            mark_ready=partial(mark_ready, ready_file),
        )
        log.info("sequencing", log=settings.audit.log_name)
        await sequencer.run(stop)


async def _witnessing(
    settings: AuditSettings, store: PostgresLogStore, condition: LogCondition, stack: AsyncExitStack
) -> Witnessing | None:
    if settings.witness_url is None or settings.witness_vkey is None:
        return None
    witness = HttpWitness(settings.witness_url, parse_cosigner(settings.witness_vkey), ed25519_holds)
    return Witnessing(store, await stack.enter_async_context(witness), condition)
