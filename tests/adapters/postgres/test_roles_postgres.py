"""Rights of each database login, and rights that none has: the rights are PostgreSQL's, not ours to check."""

# ruff: noqa: S608 - statements are put together from names in this file

from collections.abc import AsyncIterator, Mapping
from uuid import uuid4

import asyncpg
import pytest

from adapters.postgres.connect import connect
from adapters.vault.calls import lease_database
from config import roles
from tests.adapters.stack import Stack

GROUPS = tuple(database.name.removeprefix("assay-") for database in roles.DATABASES)
TABLES = (
    *("policy", "policy_turn", "rate_bucket", "quota_account", "reservation", "record", "payload", "pending"),
    *("leaf", "tile", "log_head", "checkpoint", "subject_key", "hold", "erased_tenant", "archive", "schema_migration"),
    *("last_look", "stuck_log", "pruned", "turn", "refused_log", "first_run", "deleted_response", "submission"),
    "submission_turn",
    *("api_key", "api_key_owner"),
)
LOG = {"leaf", "tile", "log_head", "checkpoint"}
READ = {
    "api": LOG,
    "writer": set(),
    "reader": {"record", "subject_key", *LOG},
    "auditor": {"record", "subject_key", "pending", "hold", "erased_tenant", "archive", "stuck_log", *LOG},
    "archiver": {"record", "subject_key", "hold", "erased_tenant", "archive", *LOG},
    "sequencer": {"stuck_log", *LOG},
    "custodian": set(),
    "operator": set(),
}
ADDED_TO = {("sequencer", "tile"), ("sequencer", "checkpoint")}
_NOW = (
    "(lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0')"
    " || right(replace(gen_random_uuid()::text, '-', ''), 20))::uuid"
)
_RECORD = (
    f"ROW({_NOW}, 2, 'acme', 'refused', now(), null, null, null, '{{}}', 'k', null, '\\x00',"
    " sha256(convert_to(random()::text, 'UTF8')), sha256(''))::assay.sealed_record"
)
_CHANGE = (
    _RECORD.replace("acme", "system")
    .replace("refused", "policy_changed")
    .replace("'{}'", """json_build_object('policy', encode(sha256('\\x7b7d'), 'hex'))""")
)
_KEY = (
    "ROW(left(md5(random()::text), 11), 'acme', 'roles', 's', 'f', sha256(''), now(), now() + interval '1 day', 'k',"
    " '\\x00', sha256(''))::assay.new_api_key"
)
CALLS = {
    "create_api_key": f"SELECT assay.create_api_key(1, {_KEY}, {_RECORD})",
    "rotate_api_key": f"SELECT assay.rotate_api_key('x', now(), {_KEY}, {_RECORD})",
    "revoke_api_key": f"SELECT assay.revoke_api_key('x', null, {_RECORD})",
    "find_api_key": "SELECT assay.find_api_key('x')",
    "api_keys": "SELECT assay.api_keys('acme', null, 1)",
    "api_keys_used": "SELECT assay.api_keys_used('{}', '{}')",
    "add_api_key": f"SELECT assay.add_api_key({_KEY}, 'refused', {_RECORD})",
    "api_key_turn": "SELECT assay.api_key_turn('acme', 'roles')",
    "erase_api_keys": "SELECT assay.erase_api_keys('no-tenant', null)",
    "append": f"SELECT assay.append({_RECORD})",
    "admit": f"SELECT assay.admit({_NOW}, 'roles', 1, 1000000, {_RECORD})",
    "close": f"SELECT assay.close(null, 0, {_RECORD})",
    "take_rate": "SELECT assay.take_rate('acme', 'roles', 1000, 1)",
    "begin_submission": (
        "SELECT assay.begin_submission('acme', 'roles', sha256(convert_to(random()::text, 'UTF8')), random()::text,"
        " 'c', false, null, 0)"
    ),
    "note_submission": "SELECT assay.note_submission('roles', 'c', 'cut')",
    "put_policy": "SELECT assay.put_policy('\\x7b7d')",
    "get_policy": "SELECT assay.get_policy('')",
    "put_payload": "SELECT assay.put_payload('acme', 'roles', sha256(convert_to(random()::text, 'UTF8')))",
    "get_payload": "SELECT assay.get_payload('')",
    "old_payload_workflows": "SELECT assay.old_payload_workflows(1e9, '', 1)",
    "purge_payloads": "SELECT assay.purge_payloads(1e9, '{}')",
    "prune_reservations": "SELECT assay.prune_reservations(1e9)",
    "prune_accounts": "SELECT assay.prune_accounts(1e9)",
    "prune_buckets": "SELECT assay.prune_buckets()",
    "prune_first_runs": "SELECT assay.prune_first_runs(1e9)",
    "run_outcome": "SELECT assay.run_outcome('acme', 'roles')",
    "begin_call": "SELECT assay.begin_call(gen_random_uuid(), 'acme', 1)",
    "begun_calls": "SELECT assay.begun_calls(gen_random_uuid(), 'acme')",
    "held_reservation": "SELECT assay.held_reservation(gen_random_uuid())",
    "make_policy_current": "SELECT assay.make_policy_current(assay.put_policy('\\x7b7d'))",
    "policy_turn": "SELECT assay.policy_turn()",
    "change_policy": f"SELECT assay.change_policy(assay.put_policy('\\x7b7d'), 0, {_CHANGE})",
    "current_policy": "SELECT assay.current_policy()",
    "stored_policies": "SELECT assay.stored_policies()",
    "quota_state": "SELECT assay.quota_state('acme', 'roles')",
    "keep_subject_key": "SELECT assay.keep_subject_key('acme', 'roles', gen_random_uuid(), 'k', '')",
    "sequence": "SELECT assay.sequence(0)",
    "make_months": "SELECT assay.make_months(0)",
    "custody_turn": "SELECT assay.custody_turn('acme')",
    "make_month": "SELECT assay.make_month('2026-01-01')",
    "log_faults": "SELECT assay.log_faults()",
    "note_refused": "SELECT assay.note_refused('{}')",
    "log_lag": "SELECT assay.log_lag()",
    "add_cosignature": "SELECT assay.add_cosignature('roles', 1, E'\u2014 a AAAA\\n')",
    "erase_subject": f"SELECT assay.erase_subject('nobody', {_RECORD.replace('acme', 'of-nobody-held')})",
    "erase_tenant": f"SELECT assay.erase_tenant('t-' || left(gen_random_uuid()::text, 8), {_RECORD})",
    "place_hold": f"SELECT assay.place_hold('somebody held', 'by', {_RECORD})",
    "release_hold": f"SELECT assay.release_hold(gen_random_uuid(), 'by', false, {_RECORD})",
    "holds": "SELECT assay.holds('acme', 1)",
    "hold_on": "SELECT assay.hold_on('acme', 'roles')",
    "event_id": "SELECT assay.event_id(0, 'acme')",
    "open_reservations": "SELECT assay.open_reservations(0, null, 1)",
    "records_here": "SELECT assay.records_here('{}')",
    "unreadable_months": "SELECT assay.unreadable_months('acme', null, null)",
    "is_unreadable": "SELECT assay.is_unreadable('acme', gen_random_uuid())",
    "missing_events": "SELECT assay.missing_events('{}')",
    "last_look": "SELECT assay.last_look()",
    "looked": "SELECT assay.looked('2020-01-01')",
    "months_due": "SELECT assay.months_due(1200, '0')",
    "announce_archiving": "SELECT assay.announce_archiving('1990-01-01', 'x')",
    "detach_month": "SELECT assay.detach_month('1990-01-01')",
    "attach_month": "SELECT assay.attach_month('1990-01-01')",
    "keep_archive": "SELECT assay.keep_archive('1990-01-01', 'acme', 'x', sha256(''), 'x', 1, 0, 0)",
    "archive_verified": "SELECT assay.archive_verified('1990-01-01', 'acme', sha256(''))",
    "drop_month": "SELECT assay.drop_month('1990-01-01')",
    "begin_restore": "SELECT assay.begin_restore('1990-01-01')",
    "restore_rows": "SELECT assay.restore_rows('1990-01-01', 'acme', '[]')",
    "end_restore": "SELECT assay.end_restore('1990-01-01', '{acme}')",
}
ALLOWED = {
    "api": {
        *("append", "take_rate", "put_policy", "get_policy", "quota_state", "put_payload", "get_payload"),
        *("policy_turn", "change_policy", "current_policy", "keep_subject_key", "log_lag"),
        *("log_faults", "run_outcome", "delete_response", "response_deleted"),
        *("begin_submission", "note_submission"),
        *("erase_subject", "place_hold", "release_hold", "holds"),
        *("create_api_key", "rotate_api_key", "revoke_api_key", "find_api_key", "api_keys", "api_keys_used"),
    },
    "writer": {
        *("append", "admit", "close", "get_policy", "current_policy", "keep_subject_key"),
        *("put_payload", "get_payload", "old_payload_workflows", "purge_payloads"),
        *("open_reservations", "missing_events", "last_look", "looked"),
        *("prune_reservations", "prune_accounts", "prune_buckets", "prune_first_runs"),
        *("begin_call", "begun_calls", "held_reservation"),
    },
    "reader": {"unreadable_months", "is_unreadable"},
    "auditor": {"records_here", "unreadable_months", "is_unreadable"},
    "archiver": {
        *("append", "months_due", "detach_month", "attach_month", "keep_archive", "archive_verified", "drop_month"),
        *("begin_restore", "restore_rows", "end_restore", "hold_on", "announce_archiving"),
    },
    "sequencer": {"sequence", "make_months", "log_lag", "add_cosignature", "note_refused"},
    "custodian": {"erase_tenant"},
    "operator": {"put_policy", "get_policy", "current_policy", "policy_turn", "change_policy", "stored_policies"},
}
DENIED = asyncpg.InsufficientPrivilegeError


@pytest.fixture(scope="module")
async def logins(stack: Stack) -> AsyncIterator[Mapping[str, asyncpg.Connection]]:
    client = stack.root()
    opened = {}
    for group in GROUPS:
        lease = lease_database(client, "database", f"assay-{group}")
        opened[group] = await connect(
            stack.database, user=lease.user, password=lease.password, application=f"test-{group}"
        )
    yield opened
    for connection in opened.values():
        await connection.close()
    client.adapter.close()


def test_the_rights_of_every_login_are_listed_here() -> None:
    services = set(GROUPS) - {"migrate"}
    assert (set(ALLOWED), set(READ)) == (services, services)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("group", ALLOWED)
async def test_a_service_calls_its_own_functions_and_no_others(
    logins: Mapping[str, asyncpg.Connection], group: str, call: str
) -> None:
    if call in ALLOWED[group]:
        try:
            await logins[group].fetchval(CALLS[call])
        except asyncpg.PostgresError as error:
            if error.sqlstate not in ("AS007", "AS016", "AS017"):  # it may, but there is no such month, record or key
                raise
    else:
        with pytest.raises(DENIED):
            await logins[group].fetchval(CALLS[call])


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("group", ALLOWED)
async def test_no_service_touches_a_table_and_each_reads_its_own(
    logins: Mapping[str, asyncpg.Connection], group: str, table: str
) -> None:
    connection = logins[group]
    added_to = (group, table) in ADDED_TO
    for statement in (
        *(() if added_to else (f"INSERT INTO assay.{table} DEFAULT VALUES",)),
        f"DELETE FROM assay.{table}",
        f"TRUNCATE assay.{table}",
        f"ALTER TABLE assay.{table} DISABLE TRIGGER ALL",
        f"DROP TABLE assay.{table}",
    ):
        with pytest.raises(DENIED):
            await connection.execute(statement)
    if table in READ[group]:
        await connection.fetch(f"SELECT * FROM assay.{table} LIMIT 1")
    else:
        with pytest.raises(DENIED):
            await connection.fetch(f"SELECT * FROM assay.{table} LIMIT 1")


@pytest.mark.parametrize("group", ALLOWED)
async def test_no_service_becomes_another_or_makes_anything(
    logins: Mapping[str, asyncpg.Connection], group: str
) -> None:
    connection = logins[group]
    others = {"assay_owner", "assay_vault", "postgres", *(f"assay_{name}" for name in ALLOWED if name != group)}
    for role in others:
        with pytest.raises(DENIED):
            await connection.execute(f"SET ROLE {role}")
    for statement in (
        "CREATE TABLE public.mine (x int)",
        "CREATE TABLE assay.mine (x int)",
        "CREATE SCHEMA mine",
        "CREATE ROLE mine",
        "CREATE TEMP TABLE mine (x int)",
        "SELECT pg_read_file('postgresql.conf')",
        "COPY (SELECT 1) TO PROGRAM 'true'",
    ):
        with pytest.raises(DENIED):
            await connection.execute(statement)


@pytest.mark.parametrize("table", ["record", "leaf", "policy", "policy_turn", "erased_tenant"])
@pytest.mark.parametrize("replica", [False, True])
async def test_even_the_owner_does_not_change_what_is_appended(stack: Stack, table: str, replica: bool) -> None:
    connection = await stack.superuser()
    try:
        if replica:  # in which ordinary triggers sleep
            await connection.execute("SET session_replication_role = replica")
        else:
            await connection.execute("SET ROLE assay_owner")
        column = {"record": "kind", "leaf": "seq", "erased_tenant": "erasure"}.get(table, "hash")
        for statement in (
            f"UPDATE assay.{table} SET {column} = {column}",
            f"DELETE FROM assay.{table}",
            f"TRUNCATE assay.{table}",
            f"TRUNCATE assay.{table} CASCADE",
        ):
            with pytest.raises(asyncpg.PostgresError) as refused:
                await connection.execute(statement)
            assert refused.value.sqlstate == "AS009"
    finally:
        await connection.close()


@pytest.mark.parametrize("replica", [False, True])
async def test_even_the_owner_only_releases_holds_and_only_erases_keys(stack: Stack, replica: bool) -> None:
    connection = await stack.superuser()
    try:
        name = uuid4().hex
        hold = await connection.fetchval(f"SELECT (assay.place_hold('{name}', 'one', {_RECORD})).id")
        await connection.execute(
            f"SELECT assay.keep_subject_key('acme', '{name}', gen_random_uuid(), 'k', '\\x01');"
            f"SELECT assay.release_hold('{hold}', 'one', false, {_RECORD});"
            f"SELECT assay.release_hold('{hold}', 'two', true, {_RECORD})"
        )
        if replica:
            await connection.execute("SET session_replication_role = replica")
        else:
            await connection.execute("SET ROLE assay_owner")
        for statement in (
            f"UPDATE assay.hold SET released_by = NULL, released_at = NULL WHERE id = '{hold}'",
            f"UPDATE assay.hold SET subject = NULL WHERE id = '{hold}'",
            "DELETE FROM assay.hold",
            "TRUNCATE assay.hold",
            f"UPDATE assay.subject_key SET wrapped = '\\x02' WHERE subject = '{name}'",
            f"UPDATE assay.subject_key SET subject = 'x', wrapped = NULL, erased_at = now() WHERE subject = '{name}'",
            "DELETE FROM assay.subject_key",
            "TRUNCATE assay.subject_key",
        ):
            with pytest.raises(asyncpg.PostgresError) as refused:
                await connection.execute(statement)
            assert refused.value.sqlstate == "AS009", statement
        await connection.execute(
            f"UPDATE assay.subject_key SET wrapped = NULL, erased_at = now() WHERE subject = '{name}'"
        )
    finally:
        await connection.close()


async def test_one_person_never_stands_for_two_whoever_writes(stack: Stack) -> None:
    connection = await stack.superuser()
    hold = await connection.fetchval(f"SELECT (assay.place_hold('{uuid4().hex}', 'one', {_RECORD})).id")
    with pytest.raises(asyncpg.CheckViolationError):
        await connection.execute(
            "UPDATE assay.hold SET first_release_by = 'one', first_release_at = now(), released_by = 'one',"
            " released_at = now() WHERE id = $1",
            hold,
        )
    await connection.close()


async def test_the_migrating_login_owns_nothing_itself(logins: Mapping[str, asyncpg.Connection]) -> None:
    connection = logins["migrate"]
    await connection.execute("SET ROLE assay_owner; CREATE TABLE assay.passing (x int); DROP TABLE assay.passing")
    await connection.execute("RESET ROLE")
    assert (
        await connection.fetchval("SELECT count(*) FROM pg_class WHERE relowner = quote_ident(current_user)::regrole")
        == 0
    )


async def test_functions_ignore_a_callers_search_path(logins: Mapping[str, asyncpg.Connection]) -> None:
    for group in ("api", "writer"):
        await logins[group].execute("SET search_path = pg_temp, public")
        assert (await logins[group].fetchrow(f"SELECT * FROM assay.append({_RECORD})"))["repeated"] is False
        await logins[group].execute("RESET search_path")


async def test_every_function_is_pinned_and_public_may_call_none(stack: Stack) -> None:
    connection = await stack.superuser()
    functions = await connection.fetch(
        "SELECT proname, prosecdef, proconfig, coalesce(proacl::text, '=X/') AS acl FROM pg_proc"
        " WHERE pronamespace = 'assay'::regnamespace"
    )
    await connection.close()
    assert {row["proname"] for row in functions} >= set(CALLS)
    for row in functions:
        assert row["proconfig"] == ["search_path=pg_catalog, pg_temp"], row["proname"]
        assert not row["acl"].startswith(("{=X", "=X")), row["proname"]
        assert "{=X" not in row["acl"], row["proname"]
        if row["proname"] in CALLS and row["proname"] not in (
            "make_month",
            "event_id",
            "custody_turn",
        ):  # the owner's alone
            assert row["prosecdef"], row["proname"]


async def test_days_are_utc_whatever_the_session_says(stack: Stack) -> None:
    connection = await stack.superuser()
    for zone in ("Pacific/Kiritimati", "Etc/GMT+12"):
        await connection.execute(f"SET timezone = '{zone}'")
        assert await connection.fetchval("SELECT assay.today() = (now() AT TIME ZONE 'UTC')::date")
        assert 0 < await connection.fetchval("SELECT assay.until_midnight()") <= 86_400
    await connection.close()


async def test_a_reservation_is_settled_on_the_day_it_was_made(stack: Stack) -> None:
    connection = await stack.superuser()
    reservation, caller = uuid4(), f"yesterday-{uuid4().hex}"
    await connection.execute(
        "INSERT INTO assay.reservation (id, tenant, caller, day, tokens, state)"
        " VALUES ($1, 'acme', $2, assay.today() - 1, 50, 'held')",
        *(reservation, caller),
    )
    await connection.execute(
        "INSERT INTO assay.quota_account (tenant, caller, day, reserved) VALUES ('acme', $1, assay.today() - 1, 50)",
        caller,
    )
    await connection.fetchrow(f"SELECT * FROM assay.close($1, 30, {_RECORD})", reservation)
    accounts = await connection.fetch(
        "SELECT day = assay.today() - 1 AS yesterday, used, reserved FROM assay.quota_account WHERE caller = $1", caller
    )
    await connection.close()
    assert [tuple(account) for account in accounts] == [(True, 30, 0)]
