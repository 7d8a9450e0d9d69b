"""A team's login reaches its own tenant's data keys only, until the team is revoked."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import hvac
import pytest
from hvac.exceptions import Forbidden, InvalidRequest

from adapters.vault.calls import kv_write
from adapters.vault.errors import new_client
from adapters.vault.keyring import ServiceKeyRing
from adapters.vault.session import ServiceSession
from adapters.vault.setup.team_logins import destroy_team_secret_ids, issue_team_secret_id
from adapters.vault.teams import VaultTeams
from assay_temporal.keyring import KeyRing, KeyUnavailable
from assay_temporal.vault.login import AppRoleLogin, LoginImpossible
from assay_temporal.vault.team import TeamVault, team_keys
from domain.access.clients import TeamEntry
from domain.refusals import Kind, Refusal
from tests.adapters.stack import Stack
from tests.adapters.vault.test_vault_policies import NOBODY, SERVICES, Act, reads, writes
from tests.doubles.clock import FixedClock

Let = Callable[..., Awaitable[TeamVault]]


@pytest.fixture(scope="module")
def let_in(stack: Stack, operator_session: ServiceSession, tmp_path_factory: pytest.TempPathFactory) -> Let:
    """Let a team in as ``assay team create`` does; give what it needs to log in."""

    async def let(tenant: str = "acme", team: str = "triage") -> TeamVault:
        issued = await operator_session.call(
            lambda client: issue_team_secret_id(client, stack.vault, tenant, team, "60s")
        )
        return credentials(stack, tmp_path_factory.mktemp("team"), *issued)

    return let


def credentials(stack: Stack, folder: Path, role_id: str, secret_id: str) -> TeamVault:
    (folder / "role-id").write_text(role_id)
    (folder / "secret-id").write_text(secret_id)
    return TeamVault(stack.vault.address, folder / "role-id", folder / "secret-id")


@dataclass
class Team:
    client: hvac.Client
    keys: KeyRing


@pytest.fixture(scope="module")
async def team(stack: Stack, let_in: Let) -> AsyncIterator[Team]:
    """A team of acme: its token, and its key ring; and something of everybody else's to be kept from it."""

    def seed(client: hvac.Client) -> None:
        for tenant in ("acme", "globex", "system"):
            kv_write(client, "assay", f"keyring/{tenant}/" + "0" * 32, {"wrapped": "something"})
        kv_write(client, "assay", "keyring/globex/current", {"key_id": "0" * 32})
        for path in ("providers/local", "clients/someone"):
            kv_write(client, "assay", path, {"a": "b"})

    await stack.as_root(seed)
    token = await asyncio.to_thread(AppRoleLogin(at := await let_in(), at).login)
    client = new_client(stack.vault, token.value)
    async with team_keys(await let_in(), "acme") as keys:
        yield Team(client, keys)
    client.adapter.close()


def foreign(tenant: str) -> dict[str, Act]:
    return {
        f"make a data key of {tenant}": writes(f"transit/datakey/plaintext/tenant-{tenant}", bits=256),
        f"make a wrapped data key of {tenant}": writes(f"transit/datakey/wrapped/tenant-{tenant}", bits=256),
        f"unwrap a data key of {tenant}": writes(f"transit/decrypt/tenant-{tenant}", ciphertext="vault:v1:AAAA"),
        f"read a wrapped key of {tenant}": reads(f"assay/data/keyring/{tenant}/" + "0" * 32),
        f"read which key of {tenant} is current": reads(f"assay/data/keyring/{tenant}/current"),
        f"make another key of {tenant} current": writes(f"assay/data/keyring/{tenant}/current", data={"key_id": "x"}),
        f"add a wrapped key of {tenant}": writes(f"assay/data/keyring/{tenant}/" + "1" * 32, data={"wrapped": "x"}),
    }


REFUSED: dict[str, Act] = {
    **NOBODY,
    **SERVICES,
    **foreign("globex"),
    **foreign("system"),
    "read a provider's key": reads("assay/data/providers/local"),
    "read the identity secret": reads("assay/data/identity"),
    "read clients": reads("assay/data/clients/someone"),
    "read teams": reads("assay/data/teams/acme/triage"),
    "become another team": writes("assay/data/teams/acme/other", data={"subject": "x", "roles": ["admin"]}),
    "sign tokens": writes("transit/sign/token-signing", input="AAAA"),
    "sign receipts": writes("transit/sign/receipt-signing", input="AAAA"),
    "encrypt by the tenant's key itself": writes("transit/encrypt/tenant-acme", plaintext="AAAA"),
    "rotate its tenant's key": writes("transit/keys/tenant-acme/rotate"),
    "take the API's login": reads("database/creds/assay-api"),
    "take the writer's login": reads("database/creds/assay-writer"),
    "its own secret IDs": writes("auth/assay-teams/role/acme/secret-id"),
    "another tenant's secret IDs": writes("auth/assay-teams/role/globex/secret-id"),
    "change its AppRole": writes("auth/assay-teams/role/acme", token_policies="root"),
    "change its policy": writes("sys/policies/acl/assay-team", policy='path "*" { capabilities = ["read"] }'),
    "rename itself": writes("identity/entity", name="x", metadata={"role_name": "globex"}),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_team_is_refused_what_is_not_its_tenants(team: Team, name: str) -> None:
    with pytest.raises(Forbidden):
        REFUSED[name](team.client)


async def test_a_team_and_assay_make_and_open_the_same_keys(
    stack: Stack, team: Team, api_session: ServiceSession
) -> None:
    theirs = await team.keys.current("acme")
    ours = ServiceKeyRing(api_session, stack.vault, FixedClock())
    assert await ours.by_id("acme", theirs.key_id) == theirs
    assert await team.keys.by_id("acme", theirs.key_id) == theirs


async def test_a_team_makes_the_first_key_of_its_tenant(stack: Stack, let_in: Let, operator_session: ServiceSession):
    tenant = f"first-{secrets.token_hex(4)}"
    await stack.as_root(lambda client: client.write_data(f"transit/keys/tenant-{tenant}", data={}))
    async with team_keys(await let_in(tenant), tenant) as keys:
        key = await keys.current(tenant)
        assert await keys.by_id(tenant, key.key_id) == key


@pytest.mark.parametrize("tenant", ["globex", "system", "nobody"])
async def test_of_other_tenants_there_are_no_keys_to_wait_for(team: Team, tenant: str) -> None:
    for lookup in (team.keys.current(tenant), team.keys.by_id(tenant, "0" * 32)):
        with pytest.raises(KeyUnavailable) as unavailable:
            await lookup
        assert unavailable.value.gone


async def test_a_team_that_is_let_out_can_not_come_back(
    stack: Stack, let_in: Let, operator_session: ServiceSession
) -> None:
    leaving, staying = await let_in("acme", "leaving"), await let_in("acme", "staying")
    login = AppRoleLogin(leaving, leaving)
    token = await asyncio.to_thread(login.login)
    assert token.lease_seconds <= 3600
    destroyed = await operator_session.call(
        lambda client: destroy_team_secret_ids(client, stack.vault, "acme", "leaving")
    )
    assert destroyed == 1
    with pytest.raises(LoginImpossible):
        await asyncio.to_thread(login.login)
    await asyncio.to_thread(AppRoleLogin(staying, staying).login)
    assert await asyncio.to_thread(longest_life, stack, token.value) <= 3600


def longest_life(stack: Stack, token: str) -> float:
    """The seconds that a token still has after it was renewed for as long as may be."""
    client = new_client(stack.vault, token)
    try:
        return float(client.auth.token.renew_self(increment="999h")["auth"]["lease_duration"])
    finally:
        client.adapter.close()


async def test_a_team_needs_a_name_and_a_tenant(stack: Stack, operator_session: ServiceSession) -> None:
    for tenant, name, kind in (
        ("acme", "../x", Kind.INVALID_REQUEST),
        ("system", "triage", Kind.INVALID_REQUEST),
        ("nobody-here", "triage", Kind.NOT_FOUND),
    ):
        with pytest.raises(Refusal) as refusal:
            await operator_session.call(
                lambda client, tenant=tenant, name=name: issue_team_secret_id(client, stack.vault, tenant, name, "60s")
            )
        assert refusal.value.kind is kind


MORE_THAN_LETTING_IN: dict[str, Act] = {
    "another policy": writes("auth/assay-teams/role/acme", token_policies="assay-worker"),
    "a second policy": writes("auth/assay-teams/role/acme", token_policies="assay-team,assay-worker"),
    "a list of policies": writes("auth/assay-teams/role/acme", token_policies=["assay-team", "assay-worker"]),
    "a policy by its old name": writes("auth/assay-teams/role/acme", policies="assay-worker"),
    "an AppRole for Assay's own keys": writes("auth/assay-teams/role/system", token_policies="assay-team"),
    "the policy of teams": writes("sys/policies/acl/assay-team", policy='path "*" { capabilities = ["read"] }'),
    "a secret ID that is not wrapped": writes("auth/assay-teams/role/acme/secret-id"),
    "a role ID of its choice": writes("auth/assay-teams/role/acme/role-id", role_id="x"),
    "entities": writes("identity/entity", name="x", policies=["assay-worker"]),
}


@pytest.mark.parametrize("name", MORE_THAN_LETTING_IN)
async def test_who_lets_teams_in_can_give_them_nothing_more(operator_session: ServiceSession, let_in: Let, name: str):
    await let_in()

    def attempt(client: hvac.Client) -> str:
        try:
            MORE_THAN_LETTING_IN[name](client)
        except (Forbidden, InvalidRequest) as error:
            return type(error).__name__
        return "allowed"

    assert await operator_session.call(attempt) == "Forbidden"


ENTRY = TeamEntry("acme", "kept", "client:kept", ("ai_operator",), "2026-03-01T12:00:00+00:00")


async def test_teams_are_kept_listed_and_removed(
    operator_session: ServiceSession, worker_session: ServiceSession
) -> None:
    teams, seen_by_worker = VaultTeams(operator_session), VaultTeams(worker_session)
    assert await seen_by_worker.get("acme", "kept") is None
    await teams.put(ENTRY)
    assert await seen_by_worker.get("acme", "kept") == ENTRY
    assert await seen_by_worker.get("globex", "kept") is None
    assert ENTRY in await teams.list()
    await teams.remove("acme", "kept")
    assert await seen_by_worker.get("acme", "kept") is None
    assert ENTRY not in await teams.list()


@pytest.mark.parametrize(("tenant", "name"), [("acme", "../x"), ("../acme", "kept"), ("acme", ""), ("acme", "A")])
async def test_what_is_no_team_is_none(worker_session: ServiceSession, tenant: str, name: str) -> None:
    assert await VaultTeams(worker_session).get(tenant, name) is None


def test_a_vault_is_never_spoken_to_in_plaintext_over_a_network(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="plaintext"):
        TeamVault("http://vault.internal:8200", tmp_path / "role-id", tmp_path / "secret-id")
