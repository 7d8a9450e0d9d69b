"""Faults of the logs as the sequencer has found them, for the API's readiness."""

from adapters.postgres.errors import unavailable
from adapters.postgres.pool import PostgresPool
from domain.refusals import Kind, Refusal


class PostgresLogFaults:
    """Test for logs that are rolled back or changed. A ``Dependency`` named ``log``."""

    def __init__(self, pool: PostgresPool) -> None:
        """Take the pool: role ``assay-api``."""
        self._pool = pool

    @property
    def name(self) -> str:
        """``log``."""
        return "log"

    async def check(self) -> None:
        """Check that every log is signed and grows.

        Raises:
            Refusal: INTERNAL if one was rolled back or changed; STORE_UNAVAILABLE.
        """
        row = await self._pool.fetchrow("SELECT refused, stuck FROM assay.log_faults()")
        if row is None:
            raise unavailable()
        if row["refused"] or row["stuck"]:
            raise Refusal(Kind.INTERNAL, "a log was rolled back or changed: it is not signed any more")
