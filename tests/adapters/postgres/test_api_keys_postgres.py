"""API keys in PostgreSQL: no login makes, widens or revives one, no owner changes one, and erasure empties it."""

import os
import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from adapters.postgres.api_keys import PostgresApiKeys, _columns
from adapters.postgres.connect import connect
from adapters.postgres.custody import PostgresCustody
from adapters.postgres.encryption.api_key_grants import GrantEncrypter
from adapters.postgres.encryption.encrypter import RecordEncrypter
from adapters.postgres.encryption.subject_keys import PostgresSubjectKeys
from adapters.postgres.pool import PostgresPool
from adapters.vault.calls import lease_database
from adapters.vault.clients import VaultClients
from adapters.vault.identity import VaultIdentity
from adapters.vault.keyring import ServiceKeyRing
from adapters.vault.session import ServiceSession
from domain.access.api_keys import KeyGrant, KeyLimits, SealedApiKey
from domain.access.clients import ClientEntry
from domain.access.principals import Principal, Role
from domain.identity import caller_hash
from domain.records.access_events import api_key_record
from domain.records.encrypted_rows import row_of
from domain.records.records import EventKind
from domain.refusals import Kind, Refusal
from services.api_keys.authentication import ApiKeyAuthentication
from services.api_keys.last_use import LastUses
from services.api_keys.management import ApiKeys, KeyWish, MadeKey
from services.custody import Custodian
from tests.adapters.stack import Stack, SystemClock
from tests.doubles.keys import FixedIdentity
from tests.doubles.principals import principal

LIMITS = KeyLimits(timedelta(days=365), 5, timedelta(days=7))
HERE = "192.0.2.1"
NEW = (
    "ROW($1::text, $2::text, $3::text, $4::text, $5::text, $6::bytea, $7::timestamptz, $8::timestamptz, $9::text,"
    " $10::bytea, $11::bytea)::assay.new_api_key"
)


@dataclass
class Place:
    """A client of the tenant ``acme``, its keys, and API processes."""

    client_id: str
    store: PostgresApiKeys
    management: ApiKeys
    clients: VaultClients
    identity: VaultIdentity
    encrypter: RecordEncrypter
    keyring: ServiceKeyRing
    maker: Principal
    owner: asyncpg.Connection
    api: asyncpg.Connection

    def process(self) -> ApiKeyAuthentication:
        """An API process that knows no key yet."""
        uses, clock = LastUses(self.store), SystemClock()
        return ApiKeyAuthentication(
            self.store, self.clients, self.identity, lambda _: LIMITS, uses, clock, os.urandom(32)
        )

    async def made(self) -> MadeKey:
        return await self.management.create(self.maker, KeyWish("a test's"), LIMITS)

    async def asked(self, text: str) -> Principal | Kind:
        try:
            return await self.process().principal(text, HERE)
        except Refusal as refusal:
            return refusal.kind

    async def row(self, key_id: str) -> SealedApiKey:
        found = await self.store.find(key_id)
        assert found is not None
        return found

    async def by_hand(self, kind: EventKind, key: str, **more: Any) -> tuple[Any, ...]:
        """Columns of a record that whoever has the API's login can make."""
        record = api_key_record(kind, self.maker, datetime.now(UTC), secrets.token_hex(8), key=key, **more)
        return row_of(await self.encrypter.seal(record)).columns()


@pytest.fixture
async def place(stack: Stack, api_pool: PostgresPool, api_session: ServiceSession) -> AsyncIterator[Place]:
    identity, keyring = VaultIdentity(api_session), ServiceKeyRing(api_session, stack.vault, SystemClock())
    encrypter = RecordEncrypter(keyring, identity, PostgresSubjectKeys(api_pool, keyring))
    store = PostgresApiKeys(api_pool, encrypter, GrantEncrypter(keyring, identity))
    clients, client_id = VaultClients(api_session), f"app-{secrets.token_hex(4)}"
    entry = ClientEntry(client_id, "acme", f"client:{client_id}", ("ai_operator",), "0" * 64, "")
    operator = await stack.session("operator")
    await VaultClients(operator).put(entry)
    await operator.close()
    caller = caller_hash(await identity.tenant_key("acme"), "acme", client_id, entry.subject, issuer=None)
    management = ApiKeys(store, clients, identity, SystemClock(), lambda: secrets.token_hex(8), os.urandom)
    root, owner = stack.root(), await stack.superuser()
    lease = lease_database(root, "database", "assay-api")
    root.adapter.close()
    api = await connect(stack.database, user=lease.user, password=lease.password, application="test-api")
    maker = principal("acme", entry.subject, client_id, frozenset({Role.AI_OPERATOR}), caller)
    yield Place(client_id, store, management, clients, identity, encrypter, keyring, maker, owner, api)
    await owner.close()
    await api.close()


_KINDS = ("uuid", "smallint", *["text"] * 2, "timestamptz", *["text"] * 3, "json", "text", "uuid", *["bytea"] * 3)


def _record(first: int) -> str:
    return f"ROW({', '.join(f'${first + at}::{kind}' for at, kind in enumerate(_KINDS))})::assay.sealed_record"


async def test_a_key_works_in_a_process_that_has_not_seen_it(place: Place):
    made = await place.made()
    found = await place.asked(made.text)
    assert isinstance(found, Principal)
    assert (found.tenant, found.caller, found.subject) == ("acme", place.maker.caller, place.maker.subject)


async def test_whoever_has_the_apis_login_makes_no_key_that_works(place: Place):
    """The functions take the row; its MAC is under a key that no login has."""
    made = await place.made()
    row = await place.row(made.key.id)
    forger = GrantEncrypter(place.keyring, FixedIdentity())  # with the tenant's data keys, as a team has them
    grant = KeyGrant(place.client_id, place.maker.subject, ("ai_operator", "admin"), "forged")
    for way in ("copied", "sealed", "sealed with a copied MAC"):
        new = secrets.token_hex(6)[:11]
        if way == "copied":
            forged = replace(row, id=new)
        else:
            forged = await forger.seal(replace(made.key, id=new, family=new, grant=grant), row.secret_hash)
            forged = replace(forged, mac=row.mac) if "copied" in way else forged
        columns = await place.by_hand(EventKind.API_KEY_CREATED, new)
        await place.api.execute(f"SELECT assay.create_api_key(99, {NEW}, {_record(12)})", *_columns(forged), *columns)
        assert await place.store.open(await place.row(new)) is None, way


async def test_a_key_is_not_made_without_its_own_record(place: Place):
    made = await place.made()
    other = replace(await place.row(made.key.id), id="0" * 10 + secrets.token_hex(1)[0])
    for kind, key in ((EventKind.API_KEY_CREATED, made.key.id), (EventKind.API_KEY_REVOKED, other.id)):
        columns = await place.by_hand(kind, key)
        with pytest.raises(asyncpg.PostgresError) as refused:
            await place.api.execute(
                f"SELECT assay.create_api_key(99, {NEW}, {_record(12)})", *_columns(other), *columns
            )
        assert refused.value.sqlstate == "AS016"


async def test_the_apis_login_revives_lengthens_and_deletes_nothing(place: Place):
    for statement in (
        "UPDATE assay.api_key SET revoked_at = NULL",
        "UPDATE assay.api_key SET expires_at = '2099-01-01'",
        "DELETE FROM assay.api_key",
        "SELECT * FROM assay.api_key",
        "SELECT * FROM assay.api_key_owner FOR UPDATE",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await place.api.execute(statement)


OWNERS: Mapping[str, str] = {
    "expires_at": "expires_at = expires_at + interval '1 year'",
    "tenant": "tenant = 'globex'",
    "caller": "caller = repeat('d', 32)",
    "secret_hash": "secret_hash = sha256('')",
    "mac": "mac = sha256('')",
    "sealed": "sealed = '\\x00'",
    "empty": "sealed = ''",
    "revived": "revoked_at = NULL",
    "later end": "ends_at = ends_at + interval '1 day'",
    "no end": "ends_at = NULL",
}


@pytest.mark.parametrize("change", OWNERS)
async def test_even_the_owner_lets_a_key_end_and_nothing_else(place: Place, change: str):
    made = await place.made()
    await place.management.rotate(place.maker, made.key.id, timedelta(hours=1), LIMITS)
    if change == "revived":
        await place.management.revoke(place.maker, made.key.id, any_key=False)
    for role in ("SET session_replication_role = replica", "SET ROLE assay_owner"):
        await place.owner.execute(role)
        with pytest.raises(asyncpg.PostgresError) as refused:
            await place.owner.execute(f"UPDATE assay.api_key SET {OWNERS[change]} WHERE id = $1", made.key.id)  # noqa: S608
        assert refused.value.sqlstate == "AS009"
        with pytest.raises(asyncpg.PostgresError) as refused:
            await place.owner.execute("DELETE FROM assay.api_key WHERE id = $1", made.key.id)
        assert refused.value.sqlstate == "AS009"
        await place.owner.execute("RESET ROLE; RESET session_replication_role")


@pytest.mark.parametrize("change", ["expires_at", "tenant", "caller", "secret_hash", "mac", "sealed"])
async def test_a_superusers_change_of_a_row_ends_the_key(place: Place, change: str):
    made = await place.made()
    process = place.process()
    assert isinstance(await process.principal(made.text, HERE), Principal)
    await place.owner.execute("ALTER TABLE assay.api_key DISABLE TRIGGER ending_only")
    try:
        await place.owner.execute(f"UPDATE assay.api_key SET {OWNERS[change]} WHERE id = $1", made.key.id)  # noqa: S608
    finally:
        await place.owner.execute("ALTER TABLE assay.api_key ENABLE ALWAYS TRIGGER ending_only")
    assert await place.asked(made.text) is Kind.INVALID_TOKEN
    process._keys._entries[made.key.id] = replace(process._keys._entries[made.key.id], read_at=-1e9)
    with pytest.raises(Refusal) as refused:
        await process.principal(made.text, HERE)
    assert refused.value.kind is Kind.INVALID_TOKEN


async def test_an_erased_makers_keys_end_with_the_record_of_the_erasure(place: Place, api_pool: PostgresPool):
    made = await place.made()
    custodian = Custodian(
        PostgresCustody(api_pool, place.encrypter), place.identity, SystemClock(), lambda: secrets.token_hex(8)
    )
    await custodian.erase(replace(place.maker, subject="an officer"), place.maker.subject)
    assert await place.asked(made.text) is Kind.INVALID_TOKEN
    row = await place.row(made.key.id)
    assert (row.sealed, row.times.revoked_at is None) == (b"", False)


async def test_rows_are_removed_a_month_after_their_end_when_another_is_made(place: Place):
    made = await place.made()
    await place.owner.execute("ALTER TABLE assay.api_key DISABLE TRIGGER ending_only")
    try:
        await place.owner.execute(
            "UPDATE assay.api_key SET revoked_at = now() - interval '32 days' WHERE id = $1", made.key.id
        )
    finally:
        await place.owner.execute("ALTER TABLE assay.api_key ENABLE ALWAYS TRIGGER ending_only")
    await place.made()
    assert await place.store.find(made.key.id) is None


async def test_last_uses_of_many_keys_are_one_statement_and_never_in_the_future(place: Place):
    keys = [await place.made() for _ in range(3)]
    await place.store.note_uses({made.key.id: datetime.now(UTC) + timedelta(days=1) for made in keys})
    for made in keys:
        used = (await place.row(made.key.id)).times.last_used_at
        assert used is not None
        assert used <= datetime.now(UTC) + timedelta(seconds=1)
