"""A sealed record as the value that functions of the schema ``assay`` take."""

from adapters.record_sealer import SealedRecord
from domain.records import SCHEMA_VERSION

RECORD = (
    "ROW($1::uuid, $2::smallint, $3::text, $4::text, $5::timestamptz, $6::text, $7::text, $8::text, $9::json,"
    " $10::text, $11::uuid, $12::bytea, $13::bytea, $14::bytea)::assay.sealed_record"
)
"""The value, in a statement whose own parameters begin with $15."""


def record_arguments(sealed: SealedRecord) -> tuple[object, ...]:
    """What stands for $1 to $14."""
    record = sealed.record
    return (
        *(record.event_id, SCHEMA_VERSION, record.tenant, record.kind.value, record.recorded_at),
        *(record.workflow_id, record.run_id, sealed.subject, sealed.fields_json, sealed.key_id, sealed.subject_key),
        *(sealed.ciphertext, sealed.content_mac, sealed.digest),
    )
