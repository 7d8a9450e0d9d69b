"""Erasure and legal hold for officers of a tenant. Data subjects' names are replaced by keyed hashes here."""

from collections.abc import Callable, Sequence
from uuid import UUID

from domain.access.principals import Principal
from domain.identity import subject_hash
from domain.ports import Clock, IdentityKeys
from domain.records.custody import Hold, erasure_record, hold_record, release_records
from domain.records.ports import Custody


class Custodian:
    """Acts on the principal's own tenant and no other."""

    def __init__(self, custody: Custody, identities: IdentityKeys, clock: Clock, random_tag: Callable[[], str]) -> None:
        """Take the ports; ``random_tag`` names events."""
        self._custody = custody
        self._identities = identities
        self._clock = clock
        self._random_tag = random_tag

    async def erase(self, officer: Principal, person: str) -> int:
        """Make the records of a data subject unreadable; return the number of erased keys.

        Raises:
            Refusal: LEGAL_HOLD; VAULT_UNAVAILABLE, STORE_UNAVAILABLE.
        """
        subject = await self._hash(officer.tenant, person)
        record = erasure_record(officer, subject, self._clock.now(), self._random_tag())
        return await self._custody.erase(subject, record)

    async def hold(self, officer: Principal, person: str | None, reason: str) -> Hold:
        """Place a legal hold on a data subject's records, or on all of the tenant's.

        Raises:
            Refusal: FORBIDDEN if the tenant is erased; VAULT_UNAVAILABLE, STORE_UNAVAILABLE.
        """
        subject = None if person is None else await self._hash(officer.tenant, person)
        record = hold_record(officer, subject, reason, self._clock.now(), self._random_tag())
        return await self._custody.place_hold(subject, await self._hash(officer.tenant, officer.subject), record)

    async def release(self, officer: Principal, hold_id: UUID) -> Hold:
        """Mark a hold for release, or release it as a second person (dual control).

        Raises:
            Refusal: NOT_FOUND; DUAL_CONTROL_NEEDED; VAULT_UNAVAILABLE, STORE_UNAVAILABLE.
        """
        records = release_records(officer, hold_id, self._clock.now(), self._random_tag())
        return await self._custody.release_hold(hold_id, await self._hash(officer.tenant, officer.subject), records)

    async def holds(self, tenant: str) -> Sequence[Hold]:
        """Return the tenant's holds."""
        return await self._custody.holds(tenant)

    async def _hash(self, tenant: str, person: str) -> str:
        return subject_hash(await self._identities.tenant_key(tenant), tenant, person)
