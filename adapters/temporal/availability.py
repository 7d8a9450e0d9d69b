"""Known availability of Temporal, so that requests don't wait for time-outs during an outage."""

import asyncio
import contextlib

import structlog

from domain.ports import Dependency
from domain.refusals import Kind, Refusal

_PROBE_SECONDS = 1.0
_PROBE_AGAIN_SECONDS = 0.25
_FAILURES = 2  # one check alone may be slow
log = structlog.get_logger(__name__)


class EngineAvailability:
    """A ``Dependency``: the connection, checked all the time.

    Unavailable once two checks in succession have failed, available again with the first that succeeds.
    """

    def __init__(self, connection: Dependency) -> None:
        """Take the connection to check."""
        self._connection = connection
        self._failures = 0

    @property
    def name(self) -> str:
        """The connection's."""
        return self._connection.name

    def require_available(self) -> None:
        """Refuse while Temporal is known to be unavailable.

        Raises:
            Refusal: ENGINE_UNAVAILABLE.
        """
        if self._failures >= _FAILURES:
            raise Refusal(Kind.ENGINE_UNAVAILABLE, "the workflow engine did not answer", retry_after=2)

    async def check(self) -> None:
        """Check now.

        Raises:
            Refusal: ENGINE_UNAVAILABLE.
        """
        try:
            await self._connection.check()
        except Refusal:
            self._failures += 1
            if self._failures == _FAILURES:
                log.warning("temporal.unavailable")
            raise
        if self._failures >= _FAILURES:
            log.info("temporal.available")
        self._failures = 0

    async def follow(self) -> None:
        """Check until cancelled."""
        while True:
            with contextlib.suppress(Refusal):
                await self.check()
            await asyncio.sleep(_PROBE_AGAIN_SECONDS if self._failures else _PROBE_SECONDS)
