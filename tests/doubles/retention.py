"""A ``BudgetRetention`` in memory that has rows to remove, and counts what is asked of it."""

from dataclasses import dataclass, field
from datetime import timedelta


@dataclass
class CountedRows:
    """``rows`` by table, of which a call removes ``batch`` at most. ``ages`` are those that were asked for."""

    rows: dict[str, int] = field(default_factory=dict)
    batch: int = 1000
    ages: set[timedelta] = field(default_factory=set)

    async def prune_reservations(self, older_than: timedelta) -> int:
        self.ages.add(older_than)
        return self._remove("reservation")

    async def prune_accounts(self, older_than: timedelta) -> int:
        self.ages.add(older_than)
        return self._remove("quota_account")

    async def prune_first_runs(self, older_than: timedelta) -> int:
        self.ages.add(older_than)
        return self._remove("first_run")

    async def prune_buckets(self) -> int:
        return self._remove("rate_bucket")

    def _remove(self, table: str) -> int:
        found = self.rows.get(table, 0)
        removed = min(found, self.batch)
        self.rows[table] = found - removed
        return removed
