"""Worker process: wiring only."""

import asyncio
import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from functools import partial

import structlog
from prometheus_client import CollectorRegistry
from temporalio.client import Client

from adapters.models.registry import wire_providers
from adapters.postgres.budget_retention import PostgresBudgetRetention
from adapters.postgres.outcome_gaps import PostgresGaps
from adapters.screening.detectors import load_detectors, require_detectors
from adapters.system.clock import SystemClock
from adapters.temporal.client import TemporalConnection
from adapters.vault.secrets import VaultSecrets
from adapters.vault.teams import VaultTeams
from adapters.wiring.platform import Platform
from assay_temporal.backoff import Backoff
from assay_temporal.contracts import InferenceResult
from assay_temporal.keyring import KeyUnavailable
from config import roles
from config.settings import Settings
from domain.inference.ports import PayloadStore, RunFeed
from domain.policy.reader import PolicyError
from domain.refusals import Refusal
from domain.screening.detectors import Detector
from services.policies.current import CurrentPolicy, PinnedPolicy
from services.policies.parsed import Policies
from services.text_caches import TextCaches
from worker.build import WorkerPorts, build_worker
from worker.housekeeping import housekeeping
from worker.ready import ready
from worker.schedules import scheduling
from worker.screening_metrics import ScreeningMetrics

log = structlog.get_logger(__name__)


async def serve(
    settings: Settings,
    stop: asyncio.Event,
    temporal: TemporalConnection,
    feed: RunFeed[InferenceResult],
    registry: CollectorRegistry,
) -> None:
    """Work until ``stop`` is set, then finish within the graceful shutdown time.

    Events of runs go to ``feed``: each stage, and each result whose record was committed.

    Raises:
        PolicyError: the settings name detectors' models that can't be used.
    """
    detectors = load_detectors(settings.models_dir, None, settings.onnx.dir, settings.onnx.threads)
    clock = SystemClock()
    screening = ScreeningMetrics(registry)
    async with AsyncExitStack() as stack:
        platform = await Platform.open(stack, settings, roles.WORKER, clock)
        secrets = VaultSecrets(platform.session, kv_mount=settings.vault.kv_mount)
        provider = wire_providers(secrets, clock)
        stack.push_async_callback(provider.aclose)
        policies = Policies(platform.policies)
        current = CurrentPolicy(policies, changed=partial(_check_detectors, detectors))
        ports = WorkerPorts(
            keyring=platform.keyring,
            policies=policies,
            ledger=platform.ledger,
            identities=platform.identities,
            signer=platform.signer,
            provider=provider,
            clock=clock,
            teams=VaultTeams(platform.session, kv_mount=settings.vault.kv_mount),
            gaps=PostgresGaps(platform.pool),
            detectors=detectors,
            feed=feed,
            judged=screening.judged,
            caches=TextCaches(settings.worker.judged_texts_bytes, os.urandom(32)),
        )
        stack.callback(ports.threads.close)
        async with current.followed():
            await _work(settings, ports, platform, temporal, stop)


def _check_detectors(detectors: Mapping[str, Detector], policy: PinnedPolicy) -> None:
    """Report a current policy whose detectors this worker lacks: it refuses the runs that are pinned to it."""
    try:
        require_detectors(detectors, policy.policy.screening)
    except PolicyError as error:
        log.error("policy.not_screenable", policy=policy.hash, reason=str(error))


async def _connected(
    ports: WorkerPorts, payloads: PayloadStore, temporal: TemporalConnection, stop: asyncio.Event
) -> Client | None:
    """Return the client as soon as it is available. None if it is time to stop."""
    backoff = Backoff()
    while not stop.is_set():
        try:
            return await temporal.client(ports.keyring, payloads)
        except (Refusal, KeyUnavailable):
            log.info("waiting for the workflow engine")
            await asyncio.sleep(backoff.next())
    return None


async def _work(
    settings: Settings,
    ports: WorkerPorts,
    platform: Platform,
    temporal: TemporalConnection,
    stop: asyncio.Event,
) -> None:
    client = await _connected(ports, platform.payloads, temporal, stop)
    if client is None:
        return
    worker = build_worker(client, settings, ports)
    working = asyncio.create_task(worker.run())
    stopping = asyncio.create_task(stop.wait())
    with ready(settings.worker.ready_file):
        log.info("working", task_queue=settings.temporal.task_queue)
        budgets = PostgresBudgetRetention(platform.pool)
        counting = asyncio.create_task(ports.stage_refusals.run())
        async with housekeeping(client, platform.payloads, budgets), scheduling(client, settings):
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        counting.cancel()
        await ports.stage_refusals.drain()
    stopping.cancel()
    if not working.done():
        await worker.shutdown()
    await working
