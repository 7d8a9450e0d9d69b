"""Reading of records by permitted principals; encrypted parts only after the access is recorded."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from domain.access.ports import AccessDecider
from domain.access.principals import Action, Principal
from domain.access.resources import Resource, ResourceKind
from domain.budgets.ports import Ledger
from domain.identity import subject_hash
from domain.ports import Clock, IdentityKeys
from domain.records.access_events import reading_record
from domain.records.ports import RecordReader
from domain.records.queries import RecordCursor, RecordFilter, is_subject_hash
from domain.records.records import EventKind, StoredRecord
from domain.refusals import Kind, Refusal


@dataclass(frozen=True, slots=True)
class Page:
    """Records as JSON values, newest first, and the cursor of the next page, if any."""

    events: list[dict[str, Any]]
    after: str | None


class RecordReading:
    """Reads records of a principal's own tenant."""

    def __init__(
        self,
        records: RecordReader,
        ledger: Ledger,
        identities: IdentityKeys,
        access: AccessDecider,
        clock: Clock,
        random_tag: Callable[[], str],
    ) -> None:
        """Take the ports; ``records`` by a login that only reads, ``ledger`` to record accesses."""
        self._records = records
        self._ledger = ledger
        self._identities = identities
        self._access = access
        self._clock = clock
        self._random_tag = random_tag

    async def page(
        self,
        principal: Principal,
        where: RecordFilter,
        *,
        person: str | None,
        after: RecordCursor | None,
        limit: int,
        plaintext: bool,
    ) -> Page:
        """Return matching records. ``person`` is the data subject, by name or by keyed hash.

        Raises:
            Refusal: STORE_UNAVAILABLE, VAULT_UNAVAILABLE, also if a reading in plaintext can't be recorded; INTERNAL
                for a record that was changed.
        """
        if person is not None:
            where = replace(where, subject=await self._subject(principal.tenant, person))
        found = await self._records.search(tenant=principal.tenant, where=where, after=after, limit=limit + 1)
        shown = found[:limit]
        events = await self._opened(principal, shown, where.names) if plaintext else [as_json(one) for one in shown]
        return Page(events, RecordCursor.of(shown[-1]).cursor() if len(found) > limit else None)

    async def one(self, principal: Principal, event_id: UUID, *, plaintext: bool) -> dict[str, Any]:
        """Return the record of an event.

        Raises:
            Refusal: NOT_FOUND, also for another tenant's; else as ``page``.
        """
        record = await self._records.get(event_id, tenant=principal.tenant)
        if record is None:
            raise Refusal(Kind.NOT_FOUND, "there is no such event for this caller")
        return (await self._opened(principal, [record], ("event",)))[0] if plaintext else as_json(record)

    async def _subject(self, tenant: str, person: str) -> str:
        if is_subject_hash(person):
            return person
        return subject_hash(await self._identities.tenant_key(tenant), tenant, person)

    async def _opened(
        self, principal: Principal, records: Sequence[StoredRecord], filters: tuple[str, ...]
    ) -> list[dict[str, Any]]:
        runs = {record.workflow_id for record in records}
        for run in sorted(run for run in runs if run is not None):
            resource = Resource(principal.tenant, ResourceKind.RECORD, run)
            await self._access.require(principal, Action.READ_AUDIT, resource)
        opened = [{**as_json(record), **await self._content(record)} for record in records]
        made = reading_record(
            EventKind.RECORDS_READ,
            principal,
            self._clock.now(),
            self._random_tag(),
            filters=filters,
            count=len(records),
            workflow_id=next(iter(runs)) if len(runs) == 1 else None,
        )
        await self._ledger.append(made)
        return opened

    async def _content(self, record: StoredRecord) -> dict[str, Any]:
        """Return the decrypted part, or the fact that its key was erased."""
        try:
            return {"content": dict(await self._records.unseal(record))}
        except Refusal as refusal:
            if refusal.kind is not Kind.NOT_FOUND:
                raise
            return {"erased": True}


def as_json(record: StoredRecord) -> dict[str, Any]:
    """Return a record's open part: all that its digest is computed over, the ciphertext by its hash."""
    return {
        "event_id": str(record.event_id),
        "schema": record.schema,
        "tenant": record.tenant,
        "kind": record.kind.value,
        "recorded_at": record.recorded_at.isoformat(timespec="microseconds"),
        "run": record.workflow_id,
        "run_id": record.run_id,
        "subject": record.subject,
        "fields": dict(record.fields),
        "key_id": record.key_id,
        "subject_key": str(record.subject_key) if record.subject_key else None,
        "ciphertext_sha256": hashlib.sha256(record.ciphertext).hexdigest(),
        "digest": record.digest.hex(),
    }
