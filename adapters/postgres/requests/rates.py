"""Request rates in PostgreSQL, on its clock: GCRA, one statement per request."""

from adapters.postgres.errors import unavailable
from adapters.postgres.pool import PostgresPool
from domain.budgets.values import Rate, RateDecision

_TAKE = "SELECT * FROM assay.take_rate($1, $2, $3, $4)"


class PostgresRates:
    """``RateLimiter`` over ``assay.take_rate``."""

    def __init__(self, pool: PostgresPool) -> None:
        """Take the pool (role ``assay-api``)."""
        self._pool = pool

    async def take(self, tenant: str, caller: str, rate: Rate) -> RateDecision:
        """See ``RateLimiter``."""
        row = await self._pool.fetchrow(_TAKE, tenant, caller, rate.limit, float(rate.window_seconds))
        if row is None:
            raise unavailable()
        return RateDecision(row["allowed"], row["remaining"], row["retry_after"], row["reset_after"])
