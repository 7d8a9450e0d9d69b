"""Search of records by an operator: each row's digest verified, nothing decrypted."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from domain.identity import subject_hash
from domain.ports import IdentityKeys
from domain.records.ports import EVERY_RECORD, RecordReader
from domain.records.queries import RecordFilter, is_subject_hash
from domain.records.records import StoredRecord
from domain.refusals import Kind, Refusal


class RecordSearch:
    """Searches records of one tenant or of all."""

    def __init__(self, records: RecordReader, identities: IdentityKeys) -> None:
        """Take the ports; ``records`` by a login that may see all tenants."""
        self._records = records
        self._identities = identities

    async def recent(
        self,
        *,
        tenant: str | None,
        workflow_id: str | None,
        limit: int,
        where: RecordFilter = EVERY_RECORD,
        person: str | None = None,
    ) -> list[dict[str, Any]]:
        """Return records as JSON values, newest first, without their encrypted part.

        ``person`` is the data subject: by name, which is distinct only within a tenant, or by its keyed hash.

        Raises:
            Refusal: STORE_UNAVAILABLE, VAULT_UNAVAILABLE; INTERNAL for a row that was changed after it was stored;
                INVALID_REQUEST for a data subject's name without a tenant.
        """
        if person is not None:
            where = replace(where, subject=await self._subject(tenant, person))
        found = await self._records.search(tenant=tenant, workflow_id=workflow_id, where=where, limit=limit)
        return [_as_values(record) for record in found]

    async def one(self, event_id: UUID) -> dict[str, Any] | None:
        """Return the record of an event, or None. Raises as ``recent``."""
        found = await self._records.get(event_id)
        return None if found is None else _as_values(found)

    async def _subject(self, tenant: str | None, person: str) -> str:
        if is_subject_hash(person):
            return person
        if tenant is None:
            raise Refusal(
                Kind.INVALID_REQUEST, "required with a data subject, who belongs to one tenant", field="tenant"
            )
        return subject_hash(await self._identities.tenant_key(tenant), tenant, person)


def _as_values(record: StoredRecord) -> dict[str, Any]:
    return {
        "event_id": str(record.event_id),
        "recorded_at": record.recorded_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "tenant": record.tenant,
        "kind": record.kind.value,
        "decision": record.fields.get("decision"),
        "refusal": record.fields.get("refusal"),
        "run": record.workflow_id,
        "subject": record.subject,
        "fields": dict(record.fields),
        "digest": record.digest.hex(),
        "key_id": record.key_id,
    }
