"""The contract of reading records: filters, pages, single ones; whatever is asked, of one tenant alone."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from adapters.postgres.encryption.encrypter import RecordEncrypter
from adapters.postgres.encryption.subject_keys import PostgresSubjectKeys
from adapters.postgres.ledger import PostgresLedger
from adapters.postgres.records import PostgresRecords
from adapters.vault.identity import VaultIdentity
from adapters.vault.keyring import ServiceKeyRing
from domain.budgets.ports import Ledger
from domain.identity import subject_hash
from domain.ports import IdentityKeys
from domain.records.fields import OutcomeFields
from domain.records.ports import RecordReader
from domain.records.queries import RecordCursor, RecordFilter, parse_cursor
from domain.records.records import EncryptedFields, EventKind, Record, StoredRecord
from tests.adapters.stack import Stack, SystemClock
from tests.doubles.events import new_event_id
from tests.doubles.keys import FixedIdentity
from tests.doubles.ledger import MemoryLedger, MemoryRecords

NOON = datetime.now(UTC).replace(microsecond=0)


@dataclass
class Shelf:
    """A ledger, a reader of one tenant at a time, and a new run."""

    ledger: Ledger
    reader: RecordReader
    identities: IdentityKeys
    run: str
    caller: str

    async def put(
        self, at: int = 0, *, tenant: str = "acme", kind: EventKind = EventKind.COMPLETED, **more: str
    ) -> Record:
        """Record something at so many seconds past noon."""
        record = Record(
            event_id=new_event_id(),
            tenant=tenant,
            kind=kind,
            recorded_at=NOON + timedelta(seconds=at),
            fields=OutcomeFields(caller=more.get("caller", self.caller), model=more.get("model", "m")),
            sealed=EncryptedFields(subject=more.get("subject", "someone"), prompt="the prompt"),
            workflow_id=more.get("run", self.run),
            run_id="run",
        )
        await self.ledger.append(record)
        return record

    async def found(self, tenant: str = "acme", **where: object) -> Sequence[StoredRecord]:
        return await self.reader.search(tenant=tenant, where=RecordFilter(**{"run": self.run, **where}))


@pytest.fixture(params=["memory", "postgres"])
def shelf(request: pytest.FixtureRequest) -> Shelf:
    run, caller = f"inf.acme.{uuid4().hex}", secrets.token_hex(16)
    if request.param == "memory":
        ledger = MemoryLedger(SystemClock())
        return Shelf(ledger, MemoryRecords(ledger), FixedIdentity(), run, caller)
    stack: Stack = request.getfixturevalue("stack")
    session, api, reader = (request.getfixturevalue(name) for name in ("api_session", "api_pool", "reader_pool"))
    keyring, identities = ServiceKeyRing(session, stack.vault, SystemClock()), VaultIdentity(session)
    writing, reading = (RecordEncrypter(keyring, identities, PostgresSubjectKeys(p, keyring)) for p in (api, reader))
    return Shelf(PostgresLedger(api, writing), PostgresRecords(reader, reading), identities, run, caller)


def ids(records: Sequence[Record] | Sequence[StoredRecord]) -> list[str]:
    return [str(record.event_id) for record in records]


async def test_the_newest_come_first_in_pages_that_leave_nothing_out(shelf: Shelf) -> None:
    put = [await shelf.put(at) for at in (3, 1, 2, 2, 2)]
    wanted = ids(sorted(put, key=lambda record: (record.recorded_at, record.event_id), reverse=True))
    assert ids(await shelf.found()) == wanted
    pages, place = [], None
    while page := await shelf.reader.search(tenant="acme", workflow_id=shelf.run, after=place, limit=2):
        pages += ids(page)
        place = parse_cursor(RecordCursor.of(page[-1]).cursor())
    assert pages == wanted


async def test_each_filter_finds_its_own(shelf: Shelf) -> None:
    plain = await shelf.put(10)
    refused = await shelf.put(20, kind=EventKind.REFUSED)
    others = await shelf.put(30, caller=secrets.token_hex(16))
    person = await shelf.put(40, subject="someone else")
    key = await shelf.identities.tenant_key("acme")
    assert ids(await shelf.found(kind=EventKind.REFUSED)) == ids([refused])
    assert ids(await shelf.found(caller=others.fields.caller)) == ids([others])
    assert ids(await shelf.found(caller=shelf.caller)) == ids([person, refused, plain])
    assert ids(await shelf.found(subject=subject_hash(key, "acme", "someone else"))) == ids([person])
    assert ids(await shelf.found(since=refused.recorded_at, until=person.recorded_at)) == ids([others, refused])
    assert ids(await shelf.found(run="inf.acme.other")) == []
    assert ids(await shelf.found(kind=EventKind.REFUSED, caller=others.fields.caller)) == []


async def test_a_caller_is_found_in_the_field_of_that_name_alone(shelf: Shelf) -> None:
    caller = secrets.token_hex(16)
    await shelf.put(model=f'","caller":"{caller}"')
    nul = await shelf.put(caller=caller, model="\u0000")  # a text that PostgreSQL's own JSON functions refuse
    assert ids(await shelf.found(caller=caller)) == ids([nul])


async def test_a_record_is_its_tenants_alone(shelf: Shelf) -> None:
    theirs = await shelf.put(tenant="globex")
    mine = await shelf.put()
    assert ids(await shelf.found()) == ids([mine])
    assert ids(await shelf.found(tenant="globex")) == ids([theirs])
    assert await shelf.reader.get(theirs.event_id, tenant="acme") is None
    found = await shelf.reader.get(theirs.event_id, tenant="globex")
    assert found is not None
    assert found.tenant == "globex"
    assert (await shelf.reader.unseal(found))["prompt"] == "the prompt"
    assert await shelf.reader.get(uuid4(), tenant="acme") is None
