"""Current policy of a process: read from the store at its start, and again while it runs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import structlog

from domain.policy.document import Policy
from domain.refusals import Kind, Refusal
from services.policies.parsed import Policies

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class PinnedPolicy:
    """Policy to which new runs are pinned."""

    hash: str
    policy: Policy


class CurrentPolicy:
    """Policy that is current in the store, as of the last read. A ``Dependency`` named ``policy``.

    If the store does not answer, or this release can't read the document, the policy read before stays in use.
    """

    def __init__(
        self,
        policies: Policies,
        *,
        changed: Callable[[PinnedPolicy], None] = lambda _: None,
        every_seconds: float = 3.0,
    ) -> None:
        """Take the store's policies. ``changed`` is called with each policy that becomes current here."""
        self._policies = policies
        self._changed = changed
        self._every = every_seconds
        self._pinned: PinnedPolicy | None = None
        self._unusable: Refusal | None = None

    @property
    def name(self) -> str:
        """``policy``."""
        return "policy"

    @property
    def pinned(self) -> PinnedPolicy:
        """Return the policy as of the last read.

        Raises:
            Refusal: UNKNOWN_POLICY if none was read yet.
        """
        if self._pinned is None:
            raise Refusal(Kind.UNKNOWN_POLICY, "no policy is current: apply one with 'assay policy apply'")
        return self._pinned

    async def check(self) -> None:
        """Check that the policy in use is the store's current one.

        Raises:
            Refusal: UNKNOWN_POLICY if none is current, or one that can't be read.
        """
        if self._unusable is not None:
            raise self._unusable
        _ = self.pinned

    async def read(self) -> None:
        """Read the current policy's hash, and the policy itself if it changed.

        Raises:
            Refusal: UNKNOWN_POLICY if none is current or it can't be read; STORE_UNAVAILABLE.
        """
        try:
            current = await self._policies.current()
            found = self._pinned
            if found is None or found.hash != current:
                found = PinnedPolicy(current, await self._policies.get(current))
        except Refusal as refusal:
            if refusal.kind is Kind.UNKNOWN_POLICY:
                self._unusable = refusal
            raise
        self._unusable = None
        if found is not self._pinned:
            self._pinned = found
            log.info("policy.current", policy=found.hash)
            self._changed(found)

    async def follow(self) -> None:
        """Read it every few seconds, until cancelled."""
        while True:
            before = self._unusable
            try:
                await self.read()
            except Refusal as refusal:
                if before is None and refusal.kind is Kind.UNKNOWN_POLICY:
                    log.error("policy.unusable", reason=refusal.detail)
            await asyncio.sleep(self._every)

    @contextlib.asynccontextmanager
    async def followed(self) -> AsyncIterator[None]:
        """Follow it beside the work in this block."""
        task = asyncio.create_task(self.follow(), name="current-policy")
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
