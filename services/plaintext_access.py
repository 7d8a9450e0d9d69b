"""Records of access to a run's plaintext, made before the plaintext is given."""

from collections import OrderedDict
from uuid import UUID

from domain.access.principals import Principal
from domain.budgets.ports import Ledger
from domain.ports import Clock
from domain.records.access_events import decoded_record

_MOST_REMEMBERED = 4096


class PlaintextAccess:
    """Records each access once per principal, run and window."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        """Take the ports."""
        self._ledger = ledger
        self._clock = clock
        self._recorded: OrderedDict[UUID, None] = OrderedDict()

    async def record(self, principal: Principal, run: str) -> None:
        """Record that the principal reads the run. Give no plaintext before it returns.

        Raises:
            Refusal: STORE_UNAVAILABLE, VAULT_UNAVAILABLE: the access can't be recorded.
        """
        record = decoded_record(principal, run, self._clock.now())
        if record.event_id in self._recorded:
            return
        await self._ledger.append(record)
        self._recorded[record.event_id] = None
        if len(self._recorded) > _MOST_REMEMBERED:
            self._recorded.popitem(last=False)
