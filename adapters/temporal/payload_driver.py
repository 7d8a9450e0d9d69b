"""Temporal's storage driver over a ``PayloadStore``: a payload is identified by the SHA-256 of its stored bytes.

The codec's ciphertext is stored, so a hash reveals nothing about its content. On retrieval the bytes must match the
hash, so a store can't return others; and then they must pass the codec's authentication, so a reference moved to
another workflow is useless.
"""

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final, TypeVar

import structlog
from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    StorageDriver,
    StorageDriverClaim,
    StorageDriverRetrieveContext,
    StorageDriverStoreContext,
    StorageDriverWorkflowInfo,
)
from temporalio.exceptions import ApplicationError

from assay_temporal.backoff import Backoff
from domain.inference.ports import PayloadStore
from domain.refusals import Kind, Refusal

Found = TypeVar("Found")

NAME: Final = "assay.payloads"
"""Name of the driver in references. Histories contain it, so it can't change."""

_DIGEST: Final = "sha256"
_CLAIM: Final = re.compile(r"[0-9a-f]{64}\Z")
_NO_WORKFLOW: Final = "-"
_LOST: Final = Payload(metadata={"encoding": b"binary/assay-lost"})
_log = structlog.get_logger()


class PayloadDriver(StorageDriver):
    """Temporal's driver over a ``PayloadStore``."""

    def __init__(
        self,
        store: PayloadStore,
        *,
        tenant_of: Callable[[str], str | None],
        fallback_tenant: str,
        patience: float = 3.0,
    ) -> None:
        """Take the store.

        Args:
            store: what keeps the payloads.
            tenant_of: the tenant that a workflow ID names, or None.
            fallback_tenant: whose payloads the others are.
            patience: seconds of retries while the store is unavailable. A workflow's task that fails twice is only
                repeated when it has timed out, so a restart of the store is better waited for; but for well below the
                ten seconds that such a task has.
        """
        self._store = store
        self._tenant_of = tenant_of
        self._fallback_tenant = fallback_tenant
        self._patience = patience

    def name(self) -> str:
        """See ``NAME``."""
        return NAME

    def type(self) -> str:
        """Return the kind of driver, independent of its store."""
        return NAME

    async def store(self, context: StorageDriverStoreContext, payloads: Sequence[Payload]) -> list[StorageDriverClaim]:
        """Store encrypted payloads.

        Raises:
            ApplicationError: of the refusal's kind, such as ``store-unavailable``; it may be retried.
        """
        target = context.target
        workflow_id = (target.id if isinstance(target, StorageDriverWorkflowInfo) else None) or _NO_WORKFLOW
        tenant = self._tenant_of(workflow_id) or self._fallback_tenant
        claims = []
        for payload in payloads:
            content = payload.SerializeToString()
            digest = await self._patiently(partial(self._store.put, tenant, workflow_id, content))
            claims.append(StorageDriverClaim({_DIGEST: digest.hex()}))
        return claims

    async def retrieve(
        self,
        context: StorageDriverRetrieveContext,
        claims: Sequence[StorageDriverClaim],
    ) -> list[Payload]:
        """Retrieve payloads. A missing or changed one becomes a payload that no codec accepts.

        Raises:
            ApplicationError: as above.
        """
        return [await self._find(claim.claim_data.get(_DIGEST, "")) for claim in claims]

    async def _find(self, claimed: str) -> Payload:
        if not _CLAIM.match(claimed):
            return _LOST
        digest = bytes.fromhex(claimed)
        content = await self._patiently(partial(self._store.get, digest))
        if content is None or hashlib.sha256(content).digest() != digest:
            _log.warning("payload.lost", digest=claimed, found=content is not None)
            return _LOST
        try:
            return Payload.FromString(content)
        except DecodeError:
            return _LOST

    async def _patiently(self, call: Callable[[], Awaitable[Found]]) -> Found:
        backoff, loop = Backoff(first=0.05, cap=0.5), asyncio.get_running_loop()
        deadline = loop.time() + self._patience
        while True:
            try:
                return await call()
            except Refusal as refusal:
                if refusal.kind is not Kind.STORE_UNAVAILABLE or loop.time() >= deadline:
                    raise ApplicationError(str(refusal.kind), type=refusal.kind.value) from None
            await asyncio.sleep(backoff.next())
