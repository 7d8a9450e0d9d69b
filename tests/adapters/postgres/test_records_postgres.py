"""Records: sealed, stored, read back to the same digest, and opened again; whatever is changed is noticed."""

# ruff: noqa: S608 - statements are put together from names in this file

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import uuid4

import pytest

from adapters.postgres.encryption.encrypter import RecordEncrypter
from adapters.postgres.encryption.subject_keys import PostgresSubjectKeys
from adapters.postgres.ledger import PostgresLedger
from adapters.postgres.pool import PostgresPool
from adapters.postgres.records import PostgresRecords
from adapters.vault.identity import VaultIdentity
from adapters.vault.keyring import ServiceKeyRing
from adapters.vault.session import ServiceSession
from domain.records.fields import OutcomeFields
from domain.records.records import EncryptedFields, EventKind, Record
from domain.refusals import Kind, Refusal
from tests.adapters.stack import Stack, SystemClock
from tests.doubles.events import fields_for, new_event_id
from tests.doubles.keys import FixedIdentity, FixedKeyRing, FixedSubjectKeys


@pytest.fixture
def keyring(stack: Stack, api_session: ServiceSession) -> ServiceKeyRing:
    return ServiceKeyRing(api_session, stack.vault, SystemClock())


@pytest.fixture
def identities(api_session: ServiceSession) -> VaultIdentity:
    return VaultIdentity(api_session)


@pytest.fixture
def encrypter(keyring: ServiceKeyRing, identities: VaultIdentity, api_pool: PostgresPool) -> RecordEncrypter:
    return RecordEncrypter(keyring, identities, PostgresSubjectKeys(api_pool, keyring))


@pytest.fixture
def ledger(api_pool: PostgresPool, encrypter: RecordEncrypter) -> PostgresLedger:
    return PostgresLedger(api_pool, encrypter)


@pytest.fixture
def records(keyring: ServiceKeyRing, identities: VaultIdentity, auditor_pool: PostgresPool) -> PostgresRecords:
    subjects = PostgresSubjectKeys(auditor_pool, keyring)
    return PostgresRecords(auditor_pool, RecordEncrypter(keyring, identities, subjects))


def a_record(**changes: object) -> Record:
    plain = Record(
        event_id=new_event_id(),
        tenant="acme",
        kind=EventKind.COMPLETED,
        recorded_at=datetime.now(UTC),
        fields=OutcomeFields(model="m"),
        sealed=EncryptedFields(subject="someone", prompt="the prompt", answer="the answer"),
        workflow_id=f"inf.acme.{uuid4().hex}",
        run_id="run",
    )
    return replace(plain, **changes)


ODD = [
    OutcomeFields(score=0.1),
    OutcomeFields(score=1e-7),
    OutcomeFields(score=1e22),
    OutcomeFields(score=-0.0),
    OutcomeFields(score=1.0),
    OutcomeFields(score=0.30000000000000004),
    OutcomeFields(score=5e-324),
    OutcomeFields(prompt_tokens=2**62),
    OutcomeFields(model='Zo\u00eb \U0001f9ea \u202e \u0000 \x1f " \\ \\u0041 \u2028'),
    OutcomeFields(rules=("b", "a", "b"), detectors=("", " ")),
    OutcomeFields(usage_estimated=False, completion_tokens=0),
]


@pytest.mark.parametrize("fields", ODD, ids=repr)
async def test_what_is_read_back_has_the_digest_that_was_stored(
    ledger: PostgresLedger, records: PostgresRecords, fields: OutcomeFields
) -> None:
    record = a_record(fields=fields)
    stored = await ledger.append(record)
    (found,) = await records.search(workflow_id=record.workflow_id)
    assert found.digest == stored.digest
    assert found.event_id == record.event_id
    assert found.recorded_at == record.recorded_at
    assert found.kind is EventKind.COMPLETED


async def test_times_of_other_zones_are_kept_in_utc(ledger: PostgresLedger, records: PostgresRecords) -> None:
    at = datetime(2026, 3, 1, 1, 30, tzinfo=timezone(timedelta(hours=5, minutes=45)))
    record = a_record(recorded_at=at)
    await ledger.append(record)
    (found,) = await records.search(workflow_id=record.workflow_id)
    assert found.recorded_at == at


async def test_sealed_fields_are_nowhere_in_plaintext_and_open_again(
    stack: Stack, ledger: PostgresLedger, records: PostgresRecords
) -> None:
    secret = "4111 1111 1111 1111"
    record = a_record(sealed=EncryptedFields(subject="someone", prompt=secret))
    await ledger.append(record)
    (found,) = await records.search(workflow_id=record.workflow_id)
    assert await records.unseal(found) == {"subject": "someone", "prompt": secret}
    connection = await stack.superuser()
    row = await connection.fetchval("SELECT r::text FROM assay.record r WHERE event_id = $1", record.event_id)
    await connection.close()
    for form in (secret, secret.encode().hex(), "someone", b"someone".hex()):
        assert form not in row


@pytest.mark.parametrize("part", ["ciphertext", "tenant", "event_id", "subject_key"])
async def test_a_ciphertext_that_was_moved_or_changed_does_not_open(
    ledger: PostgresLedger, records: PostgresRecords, part: str
) -> None:
    record, other = a_record(), a_record(tenant="globex")
    await ledger.append(record)
    await ledger.append(other)
    (found,) = await records.search(workflow_id=record.workflow_id)
    (stranger,) = await records.search(workflow_id=other.workflow_id)
    for changed in (
        replace(found, **{part: getattr(stranger, part)}),
        *(
            [replace(found, ciphertext=found.ciphertext[:-1]), replace(found, ciphertext=b"")]
            if part == "ciphertext"
            else []
        ),
    ):
        with pytest.raises(Refusal) as refusal:
            await records.unseal(changed)
        assert refusal.value.kind in (Kind.INTERNAL, Kind.NOT_FOUND)


@pytest.mark.parametrize(
    "change",
    [
        "kind = 'refused'",
        "tenant = 'globex'",
        'fields = \'{"model":"n"}\'',
        "recorded_at = now()",
        "key_id = 'x'",
        "subject = 'x'",
        "subject_key = gen_random_uuid()",
        "schema = 3",
    ],
)
async def test_a_row_that_was_changed_is_reported(
    stack: Stack, ledger: PostgresLedger, records: PostgresRecords, change: str
) -> None:
    record = a_record()
    await ledger.append(record)
    connection = await stack.superuser()
    await connection.execute("ALTER TABLE assay.record DISABLE TRIGGER append_only")  # as only a superuser or owner can
    try:
        await connection.execute(f"UPDATE assay.record SET {change} WHERE event_id = $1", record.event_id)
        with pytest.raises(Refusal) as refusal:
            await records.search(workflow_id=record.workflow_id)
        assert refusal.value.kind is Kind.INTERNAL
        assert str(record.event_id) in refusal.value.detail
        await connection.execute("DELETE FROM assay.record WHERE event_id = $1", record.event_id)
    finally:
        await connection.execute("ALTER TABLE assay.record ENABLE ALWAYS TRIGGER append_only")
        await connection.close()


async def test_the_newest_come_first_of_one_tenant_or_all(ledger: PostgresLedger, records: PostgresRecords) -> None:
    workflow = f"inf.acme.{uuid4().hex}"
    soon = datetime.now(UTC) + timedelta(days=1)
    for minutes in (2, 0, 1):
        await ledger.append(a_record(recorded_at=soon + timedelta(minutes=minutes), workflow_id=workflow))
    await ledger.append(a_record(tenant="globex", recorded_at=soon + timedelta(minutes=3)))
    found = await records.search(workflow_id=workflow)
    assert [row.recorded_at - soon for row in found] == [timedelta(minutes=m) for m in (2, 1, 0)]
    assert [row.tenant for row in await records.search(limit=4)] == ["globex", "acme", "acme", "acme"]
    assert {row.tenant for row in await records.search(tenant="acme", limit=3)} == {"acme"}
    assert await records.search(tenant="acme' OR '1'='1") == []
    assert len(await records.search(limit=-5)) == 1


async def test_records_of_the_system_are_sealed_too(ledger: PostgresLedger, records: PostgresRecords) -> None:
    record = a_record(tenant="system", kind=EventKind.REFUSED)
    await ledger.append(record)
    (found,) = await records.search(tenant="system", workflow_id=record.workflow_id)
    assert (await records.unseal(found))["subject"] == "someone"


async def test_a_tenant_without_a_key_is_not_recorded(ledger: PostgresLedger) -> None:
    with pytest.raises(Refusal) as refusal:
        await ledger.append(a_record(tenant="nobody"))
    assert refusal.value.kind is Kind.FORBIDDEN


async def test_nonces_and_macs() -> None:
    nonces = iter([bytes(12), bytes([1] * 12)])
    encrypter = RecordEncrypter(
        FixedKeyRing("acme", "globex"), FixedIdentity(), FixedSubjectKeys(), random_bytes=lambda _: next(nonces)
    )
    record = a_record()
    first, second = await encrypter.seal(record), await encrypter.seal(record)
    assert first.ciphertext != second.ciphertext
    assert first.content_mac == second.content_mac
    assert len(first.content_mac) == len(first.digest) == 32
    encrypter = RecordEncrypter(FixedKeyRing("acme"), FixedIdentity(os.urandom(32)), FixedSubjectKeys())
    assert (await encrypter.seal(record)).content_mac != first.content_mac
    assert json.loads(first.fields_json) == {"model": "m", "content_mac": first.content_mac.hex()}


async def test_a_keyring_that_is_away_refuses(api_pool: PostgresPool) -> None:
    keyring = FixedKeyRing("acme")
    keyring.away = True
    for sealed in (EncryptedFields(), EncryptedFields(subject="someone")):
        subjects = PostgresSubjectKeys(api_pool, keyring)
        with pytest.raises(Refusal) as refusal:
            await RecordEncrypter(keyring, FixedIdentity(), subjects).seal(a_record(sealed=sealed))
        assert refusal.value.kind is Kind.VAULT_UNAVAILABLE


async def test_a_persons_records_are_sealed_with_a_key_of_their_own(
    stack: Stack, ledger: PostgresLedger, records: PostgresRecords
) -> None:
    someone = [a_record() for _ in range(2)]
    other = a_record(sealed=EncryptedFields(subject="someone", end_user="else", prompt="x"))
    nobody = a_record(sealed=EncryptedFields(source="somewhere"))
    for record in (*someone, other, nobody):
        await ledger.append(record)
    found = [(await records.search(workflow_id=r.workflow_id))[0] for r in (*someone, other, nobody)]
    assert len({row.subject for row in found}) == len({row.subject_key for row in found}) == 3
    assert found[0].subject_key == found[1].subject_key
    assert (found[3].subject, found[3].subject_key) == (None, None)


async def erase(stack: Stack, subject: str | None) -> None:
    connection = await stack.superuser()
    await connection.execute(
        "UPDATE assay.subject_key SET wrapped = NULL, erased_at = now() WHERE subject = $1", subject
    )
    await connection.close()


async def test_after_an_erasure_nothing_opens_and_what_comes_is_sealed_anew(
    stack: Stack, ledger: PostgresLedger, records: PostgresRecords
) -> None:
    person = EncryptedFields(subject="to be forgotten", prompt="x")
    before, after = a_record(sealed=person), a_record(sealed=person)
    await ledger.append(before)
    (found,) = await records.search(workflow_id=before.workflow_id)
    assert (await records.unseal(found))["prompt"] == "x"
    await erase(stack, found.subject)
    with pytest.raises(Refusal) as refusal:
        await records.unseal(found)
    assert refusal.value.kind is Kind.NOT_FOUND
    await ledger.append(after)  # by a process that still has the erased key in memory
    (anew,) = await records.search(workflow_id=after.workflow_id)
    assert anew.subject_key != found.subject_key
    assert (await records.unseal(anew))["prompt"] == "x"
    assert (await ledger.append(before)).repeated


@pytest.mark.parametrize("kind", EventKind)
async def test_every_kind_of_event_is_recorded_and_read_back(
    ledger: PostgresLedger, records: PostgresRecords, kind: EventKind
) -> None:
    record = a_record(kind=kind, fields=fields_for(kind))
    await ledger.append(record)
    (found,) = await records.search(workflow_id=record.workflow_id)
    assert (found.kind, found.event_id) == (kind, record.event_id)
    assert (await records.unseal(found))["subject"] == "someone"
