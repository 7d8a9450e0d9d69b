"""Sealed records as bytes: what comes back is what was sealed, and nothing sealed is plaintext."""

from uuid import UUID

import pytest

from adapters.postgres.encryption.encrypter import RecordEncrypter
from domain.records.encrypted_rows import from_bytes, row_of, to_bytes
from domain.records.fields import RefusalSummaryFields
from domain.records.records import EncryptedFields, EventKind, Record
from tests.doubles.clock import START
from tests.doubles.keys import FixedIdentity, FixedKeyRing, FixedSubjectKeys

PERSONAL = EncryptedFields(
    subject="canary-subject", client_id="canary-client", source="203.0.113.77", prompt="canary-prompt"
)
RECORDS = [
    Record(
        event_id=UUID(int=7 << 76 | 2 << 62 | number),
        tenant="acme",
        kind=EventKind.REFUSED,
        recorded_at=START.replace(microsecond=micros),
        fields=RefusalSummaryFields(
            caller="c" * 32, refusal="forbidden", route="Zo\u00eb", status=403, count=7, first_at="a", last_at="b"
        ),
        sealed=sealed,
        workflow_id=workflow,
    )
    for number, (sealed, workflow, micros) in enumerate(
        [
            (PERSONAL, None, 0),
            (EncryptedFields(source="203.0.113.77"), "inf.acme.x", 123),
            (EncryptedFields(), None, 999_999),
        ]
    )
]


@pytest.fixture
def encrypter() -> RecordEncrypter:
    return RecordEncrypter(FixedKeyRing("acme"), FixedIdentity(), FixedSubjectKeys())


@pytest.mark.parametrize("record", RECORDS, ids=["person", "nobody", "nothing"])
async def test_a_row_survives_as_bytes(encrypter: RecordEncrypter, record: Record) -> None:
    row = row_of(await encrypter.seal(record))
    assert from_bytes(to_bytes(row)) == row
    assert row.columns()[:5] == (record.event_id, 2, "acme", "refused", record.recorded_at)
    assert row.open_fields()["count"] == 7


async def test_nothing_sealed_is_in_the_bytes(encrypter: RecordEncrypter) -> None:
    written = to_bytes(row_of(await encrypter.seal(RECORDS[0])))
    for name in ("subject", "client_id", "source", "prompt"):
        assert getattr(PERSONAL, name).encode() not in written


@pytest.mark.parametrize("bad", [b"", b"null", b"[]", b"{}", b'{"event_id": 1}', b"\xff", b'{"event_id": "x"}'])
def test_other_bytes_are_refused(bad: bytes) -> None:
    with pytest.raises(ValueError, match="not an encrypted record"):
        from_bytes(bad)


async def test_bytes_with_a_missing_or_another_column_are_refused(encrypter: RecordEncrypter) -> None:
    written = to_bytes(row_of(await encrypter.seal(RECORDS[0])))
    for name in (b'"schema"', b'"key_id"', b'"content_mac"', b'"recorded_at"'):
        with pytest.raises(ValueError, match="not an encrypted record"):
            from_bytes(written.replace(name, b'"other"'))
