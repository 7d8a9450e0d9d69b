"""Records that were sealed earlier, spooled, and appended when PostgreSQL is there again."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from adapters.postgres.encryption.encrypter import RecordEncrypter
from adapters.postgres.encryption.subject_keys import PostgresSubjectKeys
from adapters.postgres.ledger import PostgresLedger
from adapters.postgres.pool import PostgresPool
from adapters.postgres.records import PostgresRecords
from adapters.system.spool import SqliteSpool
from adapters.vault.identity import VaultIdentity
from adapters.vault.keyring import ServiceKeyRing
from adapters.vault.session import ServiceSession
from domain.budgets.values import RecordConflict
from domain.records.encrypted_rows import KeyErased, from_bytes, row_of, to_bytes
from domain.records.fields import EdgeRefusalFields
from domain.records.records import EncryptedFields, EventKind, Record
from domain.refusals import Kind, Refusal
from tests.adapters.stack import Stack, SystemClock
from tests.doubles.events import new_event_id

PERSONAL = {"subject": "canary-subject-41ab", "client_id": "canary-client-41ab", "source": "203.0.113.77"}


@pytest.fixture
def encrypter(stack: Stack, api_session: ServiceSession, api_pool: PostgresPool) -> RecordEncrypter:
    keyring = ServiceKeyRing(api_session, stack.vault, SystemClock())
    return RecordEncrypter(keyring, VaultIdentity(api_session), PostgresSubjectKeys(api_pool, keyring))


@pytest.fixture
def ledger(api_pool: PostgresPool, encrypter: RecordEncrypter) -> PostgresLedger:
    return PostgresLedger(api_pool, encrypter)


@pytest.fixture
def records(encrypter: RecordEncrypter, auditor_pool: PostgresPool) -> PostgresRecords:
    return PostgresRecords(auditor_pool, encrypter)


def a_refusal(**changes: object) -> Record:
    plain = Record(
        event_id=new_event_id(),
        tenant="acme",
        kind=EventKind.REFUSED,
        recorded_at=datetime.now(UTC),
        fields=EdgeRefusalFields(
            caller=None, roles=("reviewer",), refusal="forbidden", method="POST", route="/v1/x", status=403
        ),
        sealed=EncryptedFields(**PERSONAL),
        workflow_id=f"inf.acme.{uuid4().hex}",  # by which a test finds it
    )
    return replace(plain, **changes)


async def test_what_was_spooled_is_appended_once_and_verifies(
    ledger: PostgresLedger, encrypter: RecordEncrypter, records: PostgresRecords, tmp_path: Path
) -> None:
    refusals = [a_refusal(sealed=EncryptedFields(source="203.0.113.77")), a_refusal()]
    spool = await SqliteSpool.open(tmp_path, 1_000_000)
    assert await spool.put([to_bytes(row_of(await encrypter.seal(refusal))) for refusal in refusals]) == 2
    for repeated in (False, True):  # as after a crash between append and remove
        for entry in await spool.oldest(10):
            row = from_bytes(entry.content or b"")
            appended = await ledger.append_encrypted(row)
            assert (appended.digest, appended.repeated) == (row.digest, repeated)
    await spool.close()
    for refusal in refusals:
        [stored] = await records.search(workflow_id=refusal.workflow_id)
        assert (stored.event_id, stored.recorded_at) == (refusal.event_id, refusal.recorded_at)
        assert stored.fields["refusal"] == "forbidden"


async def test_no_byte_of_the_spool_tells_who_was_refused_or_from_where(
    encrypter: RecordEncrypter, tmp_path: Path
) -> None:
    spool = await SqliteSpool.open(tmp_path, 1_000_000)
    for _ in range(20):
        await spool.put([to_bytes(row_of(await encrypter.seal(a_refusal())))])
    await spool.remove([entry.place for entry in await spool.oldest(5)])
    written = b"".join([path.read_bytes() for path in sorted(tmp_path.iterdir())])
    await spool.close()
    written += b"".join([path.read_bytes() for path in sorted(tmp_path.iterdir())])
    assert written.count(b"forbidden") >= 20, "this is where entries lie"
    for personal in PERSONAL.values():
        for form in (personal.encode(), personal.encode("utf-16-le"), personal.encode().hex().encode()):
            assert form not in written


async def test_a_person_who_was_erased_meanwhile_is_not_recorded(
    ledger: PostgresLedger, encrypter: RecordEncrypter, records: PostgresRecords, stack: Stack
) -> None:
    refusal = a_refusal(sealed=EncryptedFields(subject=f"person-{new_event_id()}"))
    row = row_of(await encrypter.seal(refusal))
    connection = await stack.superuser()
    erase = "UPDATE assay.subject_key SET wrapped = NULL, erased_at = now() WHERE id = $1"
    assert await connection.execute(erase, row.subject_key) == "UPDATE 1"
    await connection.close()
    with pytest.raises(KeyErased):
        await ledger.append_encrypted(row)
    assert await records.search(workflow_id=refusal.workflow_id) == []


async def test_the_same_event_with_other_content_is_a_conflict(
    ledger: PostgresLedger, encrypter: RecordEncrypter
) -> None:
    row = row_of(await encrypter.seal(a_refusal()))
    await asyncio.gather(*(ledger.append_encrypted(row) for _ in range(5)))
    with pytest.raises(RecordConflict):
        await ledger.append_encrypted(replace(row, content_mac=bytes(32)))


async def test_a_row_that_the_store_does_not_accept_is_no_outage(
    ledger: PostgresLedger, encrypter: RecordEncrypter
) -> None:
    row = row_of(await encrypter.seal(a_refusal()))
    with pytest.raises(Refusal) as refused:
        await ledger.append_encrypted(replace(row, digest=b"short"))
    assert refused.value.kind is Kind.INTERNAL
