"""Denials for the AppRoles' tokens: each line of the policies is there, and no more than those."""

from collections.abc import AsyncIterator, Callable

import hvac
import pytest
from hvac.exceptions import Forbidden, InvalidRequest

from adapters.vault.calls import kv_write, read, write
from adapters.vault.errors import new_client
from adapters.vault.session import ServiceSession
from config import roles
from tests.adapters.stack import Stack

Act = Callable[[hvac.Client], object]


def reads(path: str) -> Act:
    return lambda client: client.adapter.get(f"/v1/{path}")


def lists(path: str) -> Act:
    return lambda client: client.adapter.list(f"/v1/{path}")


def writes(path: str, **body: object) -> Act:
    return lambda client: client.write_data(path, data=body)


def deletes(path: str) -> Act:
    return lambda client: client.delete(path)


NOBODY: dict[str, Act] = {
    "mounts": reads("sys/mounts"),
    "a policy": writes("sys/policies/acl/assay-api", policy='path "*" { capabilities = ["sudo"] }'),
    "the policy of teams": writes("sys/policies/acl/assay-team", policy='path "*" { capabilities = ["sudo"] }'),
    "an AppRole": writes("auth/approle/role/assay-api", token_policies=["root"]),
    "a child token": writes("auth/token/create", policies=["root"]),
    "seal": writes("sys/seal"),
    "any lease": writes("sys/leases/revoke", lease_id="x"),
    "delete Assay's own key": deletes("transit/keys/tenant-system"),
    "let Assay's own key be deleted": writes("transit/keys/tenant-system/config", deletion_allowed=True),
    "let a tenant's key be exported": writes("transit/keys/tenant-acme/config", exportable=True),
    "let a tenant's key be backed up": writes("transit/keys/tenant-acme/config", allow_plaintext_backup=True),
    "forget a version of a tenant's key": writes("transit/keys/tenant-acme/trim", min_available_version=1),
    "make a key that can be exported": writes("transit/keys/tenant-mine", type="aes256-gcm96", exportable=True),
    "make a key of another kind": writes("transit/keys/tenant-mine", type="rsa-4096"),
    "export a tenant's key": reads("transit/export/encryption-key/tenant-acme"),
    "export a signing key": reads("transit/export/signing-key/receipt-signing"),
    "back a key up": reads("transit/backup/tenant-acme"),
    "configure the database": writes("database/config/assay", password="x"),
    "rotate the database's password": writes("database/rotate-root/assay"),
    "the sequencer's login": reads("database/creds/assay-sequencer"),
    "make a signing key": writes("transit/keys/another-signing", type="ed25519"),
    "let signing keys be deleted": writes("transit/keys/token-signing/config", deletion_allowed=True),
    "another identity": writes("assay/data/identity", data={"pepper": "AAAA"}),
    "forget the identity": deletes("assay/metadata/identity"),
    "its own secret ID": writes("auth/approle/role/assay-operator/secret-id"),
    "forget a wrapped key": deletes("assay/metadata/keyring/acme/current"),
    "a secret ID that is not wrapped": writes("auth/approle/role/assay-worker/secret-id"),
}
SERVICES: dict[str, Act] = {
    "migrate": reads("database/creds/assay-migrate"),
    "read records": reads("database/creds/assay-auditor"),
    "make a client": writes("assay/data/clients/mine", data={"x": "y"}),
    "list clients": lists("assay/metadata/clients"),
    "set a provider": writes("assay/data/providers/local", data={"api_key": "x"}),
    "delete a tenant's key": deletes("transit/keys/tenant-acme"),
    "let a tenant's key be deleted": writes("transit/keys/tenant-acme/config", deletion_allowed=True),
    "erase a tenant": reads("database/creds/assay-custodian"),
    "make a policy current": reads("database/creds/assay-operator"),
    "make a tenant": writes("transit/keys/tenant-mine", type="aes256-gcm96"),
    "rotate a signing key": writes("transit/keys/receipt-signing/rotate"),
    "let a worker in": writes("auth/approle/role/assay-worker/secret-id"),
    "replace a wrapped key": writes("assay/data/keyring/acme/" + "0" * 32, data={"wrapped": "other"}),
    "let a team in": writes("assay/data/teams/acme/mine", data={"subject": "x", "roles": ["admin"]}),
    "make a team's AppRole": writes("auth/assay-teams/role/acme", token_policies="assay-team"),
    "a team's secret ID": writes("auth/assay-teams/role/acme/secret-id"),
    "sign by a tenant's key": writes("transit/hmac/tenant-acme", input="AAAA"),
    "sign manifests": writes("transit/sign/archive-signing", input="AAAA"),
}
API: dict[str, Act] = {
    "sign a log's head": writes("transit/sign/log-signing", input="AAAA"),
    "replace a log's last checkpoint": writes("assay/data/log/acme", data={"note": "x"}),
    "read teams": reads("assay/data/teams/acme/mine"),
    "sign receipts": writes("transit/sign/receipt-signing", input="AAAA"),
    "read providers": reads("assay/data/providers/local"),
    "write records of outcomes": reads("database/creds/assay-writer"),
}
WORKER: dict[str, Act] = {
    "take the reader's login": reads("database/creds/assay-reader"),
    "sign a log's head": writes("transit/sign/log-signing", input="AAAA"),
    "replace a log's last checkpoint": writes("assay/data/log/acme", data={"note": "x"}),
    "sign tokens": writes("transit/sign/token-signing", input="AAAA"),
    "read clients": reads("assay/data/clients/someone"),
    "take the API's login": reads("database/creds/assay-api"),
}
ARCHIVER: dict[str, Act] = {
    "sign tokens": writes("transit/sign/token-signing", input="AAAA"),
    "sign receipts": writes("transit/sign/receipt-signing", input="AAAA"),
    "sign checkpoints": writes("transit/sign/log-signing", input="AAAA"),
    "open a tenant's data key": writes("transit/decrypt/tenant-acme", ciphertext="vault:v1:AAAA"),
    "read a tenant's wrapped key": reads("assay/data/keyring/acme/" + "0" * 32),
    "read which key is current": reads("assay/data/keyring/acme/current"),
    "make a key current": writes("assay/data/keyring/acme/current", data={"key_id": "x"}),
    "change the bucket's credentials": writes("assay/data/archive/s3", data={"x": "y"}),
    "read providers": reads("assay/data/providers/local"),
    "read clients": reads("assay/data/clients/someone"),
    "read teams": reads("assay/data/teams/acme/mine"),
    "take the API's login": reads("database/creds/assay-api"),
    "take the writer's login": reads("database/creds/assay-writer"),
}
SEQUENCER: dict[str, Act] = {
    "sign tokens": writes("transit/sign/token-signing", input="AAAA"),
    "sign receipts": writes("transit/sign/receipt-signing", input="AAAA"),
    "make a data key": writes("transit/datakey/plaintext/tenant-acme"),
    "unwrap a tenant's key": writes("transit/decrypt/tenant-acme", ciphertext="vault:v1:AAAA"),
    "read wrapped keys": reads("assay/data/keyring/acme/current"),
    "read the identity secret": reads("assay/data/identity"),
    "forget a log's last checkpoint": deletes("assay/metadata/log/acme"),
    "take the API's login": reads("database/creds/assay-api"),
    "take the writer's login": reads("database/creds/assay-writer"),
}
OPERATOR: dict[str, Act] = {
    "sign a log's head": writes("transit/sign/log-signing", input="AAAA"),
    "replace a log's last checkpoint": writes("assay/data/log/acme", data={"note": "x"}),
    "sign manifests": writes("transit/sign/archive-signing", input="AAAA"),
    "take the archiver's login": reads("database/creds/assay-archiver"),
    "a secret ID of the archiver that is not wrapped": writes("auth/approle/role/assay-archiver/secret-id"),
    "sign receipts": writes("transit/sign/receipt-signing", input="AAAA"),
    "sign tokens": writes("transit/sign/token-signing", input="AAAA"),
    "read a provider's key": reads("assay/data/providers/local"),
    "unwrap a tenant's key": writes("transit/decrypt/tenant-acme", ciphertext="vault:v1:AAAA"),
    "make a data key": writes("transit/datakey/plaintext/tenant-acme"),
    "read wrapped keys": reads("assay/data/keyring/acme/current"),
    "take the API's login": reads("database/creds/assay-api"),
    "take the writer's login": reads("database/creds/assay-writer"),
}
OWN = {"api": API, "worker": WORKER, "sequencer": SEQUENCER, "archiver": ARCHIVER, "operator": OPERATOR}
"""Return a role's further exclusions, by the role's name."""
GRANTED = {("sequencer", "the sequencer's login"), ("archiver", "sign manifests")}
CASES = [
    (role.name, act)
    for role in roles.ALL
    for act in {**NOBODY, **(SERVICES if role.serves else {}), **OWN.get(role.name, {})}.items()
    if (role.name, act[0]) not in GRANTED
]


def test_every_role_has_a_list_of_what_it_is_refused() -> None:
    assert set(OWN) == {role.name for role in roles.ALL}


@pytest.fixture(scope="module")
async def tokens(stack: Stack) -> AsyncIterator[dict[str, hvac.Client]]:
    """A client of each AppRole, and a wrapped key to be kept from them."""

    def seed(client: hvac.Client) -> None:
        kv_write(client, "assay", "keyring/acme/" + "0" * 32, {"wrapped": "something"})
        kv_write(client, "assay", "providers/local", {"api_key": "something"})

    await stack.as_root(seed)
    sessions: dict[str, ServiceSession] = {role.name: await stack.session(role.name) for role in roles.ALL}
    clients = {}
    for name, session in sessions.items():
        token = await session.call(lambda client: client.token)
        clients[name] = new_client(stack.vault, token)
    yield clients
    for client in clients.values():
        client.adapter.close()
    for session in sessions.values():
        await session.close()


@pytest.mark.parametrize(("who", "act"), CASES, ids=[f"{who}: {act[0]}" for who, act in CASES])
async def test_a_token_is_refused_what_its_policy_does_not_name(
    tokens: dict[str, hvac.Client], who: str, act: tuple[str, Act]
) -> None:
    with pytest.raises(Forbidden):
        act[1](tokens[who])


async def test_an_operator_deletes_a_tenants_key_once_that_is_allowed(tokens: dict[str, hvac.Client]) -> None:
    operator, path = tokens["operator"], "transit/keys/tenant-to-be-erased"
    operator.write_data(path, data={"type": "aes256-gcm96"})
    operator.write_data(f"{path}/rotate")
    with pytest.raises(InvalidRequest):
        operator.delete(path)
    operator.write_data(f"{path}/config", data={"deletion_allowed": True})
    operator.delete(path)
    assert read(operator, path) is None


async def test_services_sign_with_their_own_key(tokens: dict[str, hvac.Client]) -> None:
    for who, key in (("api", "token-signing"), ("worker", "receipt-signing"), ("archiver", "archive-signing")):
        assert write(tokens[who], f"transit/sign/{key}", {"input": "AAAA"})["signature"].startswith("vault:v")
        assert read(tokens[who], f"transit/keys/{key}") is not None


async def test_an_operator_lets_services_in_by_wrapped_secret_ids_only(tokens: dict[str, hvac.Client]) -> None:
    for role in roles.SERVING:
        path = f"auth/approle/role/{role.approle}/secret-id"
        wrapped = tokens["operator"].write_data(path, data={}, wrap_ttl="60s")
        assert wrapped["wrap_info"]["token"]
        assert wrapped["data"] is None
