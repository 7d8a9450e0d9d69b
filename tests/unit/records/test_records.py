"""The canonical form of records: known values, pinned, since digests and MACs of stored records hang on them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from domain.records.fields import OutcomeFields, open_fields
from domain.records.records import (
    EncryptedFields,
    EventKind,
    Record,
    canonical,
    encrypted_fields,
    record_digest,
    repeatable_content,
    stored_digest,
)

RECORD = Record(
    event_id=UUID("018bcfe5-6800-7000-8000-000000000001"),
    tenant="acme",
    kind=EventKind.COMPLETED,
    recorded_at=datetime(2026, 1, 2, 3, 4, 5, 6, UTC),
    fields=OutcomeFields(caller="c" * 32, rules=("a", "b"), score=0.25, prompt_tokens=0),
    sealed=EncryptedFields(subject="alice", prompt="Grüße"),
    workflow_id="inf.acme.x",
    run_id="run",
)


def digest(record: Record, key_id: str = "key-1", ciphertext: bytes = b"ciphertext") -> bytes:
    return record_digest(record, key_id=key_id, ciphertext=ciphertext)


def test_canonical_json_is_sorted_compact_and_utf8():
    assert canonical({"b": [1, 2.5, None], "a": "ü"}) == '{"a":"ü","b":[1,2.5,null]}'.encode()


def test_what_is_no_json_has_no_canonical_form():
    with pytest.raises(ValueError, match="JSON"):
        canonical({"a": float("nan")})


def test_only_fields_that_are_set_are_recorded():
    assert open_fields(RECORD.fields) == {"caller": "c" * 32, "rules": ("a", "b"), "score": 0.25, "prompt_tokens": 0}
    assert encrypted_fields(RECORD.sealed) == '{"prompt":"Grüße","subject":"alice"}'.encode()


def test_the_digest_of_a_record_is_known_in_every_schema():
    old = stored_digest(
        **{name: getattr(RECORD, name) for name in ("event_id", "tenant", "recorded_at", "workflow_id", "run_id")},
        schema=1,
        kind=RECORD.kind.value,
        fields=open_fields(RECORD.fields),
        subject=None,
        key_id="key-1",
        subject_key=None,
        ciphertext=b"ciphertext",
    )
    assert old.hex() == "6e61a67020e7cbe5969d2883b3a848fe6808e8d99d6bdc0cfa1f2df6b2a65e87"
    assert digest(RECORD).hex() == "a4a0ca6afbabca980b73a1df0083c4e6b917229923c0ee436598727504bc3cc0"


def test_a_repeat_has_the_same_content_at_another_time():
    later = replace(RECORD, recorded_at=RECORD.recorded_at + timedelta(hours=1))
    assert repeatable_content(later) == repeatable_content(RECORD)
    assert digest(later) != digest(RECORD)


@pytest.mark.parametrize(
    "changed",
    [
        replace(RECORD, kind=EventKind.FAILED),
        replace(RECORD, tenant="globex"),
        replace(RECORD, event_id=UUID(int=1)),
        replace(RECORD, run_id="other"),
        replace(RECORD, fields=replace(RECORD.fields, score=0.26)),
        replace(RECORD, sealed=replace(RECORD.sealed, prompt="Grüsse")),
    ],
)
def test_other_content_is_no_repeat(changed: Record):
    assert repeatable_content(changed) != repeatable_content(RECORD)


@pytest.mark.parametrize(("key_id", "ciphertext"), [("key-2", b"ciphertext"), ("key-1", b"other")])
def test_the_digest_covers_the_sealed_part_as_it_is_stored(key_id: str, ciphertext: bytes):
    assert digest(RECORD, key_id, ciphertext) != digest(RECORD)


def test_the_digest_needs_no_plaintext_of_the_sealed_part():
    unread = replace(RECORD, sealed=EncryptedFields())
    assert digest(unread) == digest(RECORD)
