"""config/roles.py against the places that a person writes: each role has its policy, logins, service and rows."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from cli.serve import CHOICES, Processes, metrics_port_of
from config import roles
from config.roles import DatabaseRole, ProcessRole
from config.settings import AppRoleSettings, Settings
from tests.paths import ROOT

POLICIES = ROOT / "deploy" / "vault"
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
OPERATE = (ROOT / "docs" / "operate.md").read_text()
INVENTED = ProcessRole("invented", (DatabaseRole("assay-invented", "assay_invented"),), ends_after="api")


def _groups_in_sql() -> set[str]:
    declared = re.search(
        r"wanted_roles text\[\] := ARRAY\[(.*?)\]", (ROOT / "deploy/sql/roles.sql").read_text(), re.DOTALL
    )
    assert declared is not None
    return set(re.findall(r"'(\w+)'", declared[1]))


def _lacks_in_vault(role: ProcessRole) -> Iterator[str]:
    policy = POLICIES / role.policy_file
    text = policy.read_text() if policy.exists() else ""
    if not policy.exists():
        yield f"the policy deploy/vault/{role.policy_file}"
    leased = set(re.findall(r'(?m)^path "database/creds/([\w-]+)" \{ capabilities = \["read"\] \}$', text))
    wanted = {database.name for database in role.databases}
    yield from (f"the login {name} in deploy/vault/{role.policy_file}" for name in wanted - leased)
    yield from (f"the login {name} in the role table" for name in leased - wanted)
    operator = (POLICIES / roles.OPERATOR.policy_file).read_text()
    for path in (f"auth/approle/role/{role.approle}/role-id", f"auth/approle/role/{role.approle}/secret-id"):
        if role.serves and f'path "{path}" {{' not in operator:
            yield f"{path} in deploy/vault/{roles.OPERATOR.policy_file}"


def _lacks_in_compose(role: ProcessRole) -> Iterator[str]:
    service: dict[str, Any] = COMPOSE["services"].get(role.name, {})
    secrets = {f"{role.name}_role_id", f"{role.name}_secret_id"}
    if role.serves and service.get("command") != ["serve", "--role", role.name]:
        yield f"the service {role.name} in docker-compose.yml"
    for secret in sorted(secrets):
        variable = f"ASSAY_VAULT__{role.name.upper()}__{secret.removeprefix(f'{role.name}_').upper()}_FILE"
        if service.get("environment", {}).get(variable) != f"/run/secrets/{secret}":
            yield f"{variable} of the service {role.name} in docker-compose.yml"
        if secret not in service.get("secrets", ()) or secret not in COMPOSE["secrets"]:
            yield f"the secret {secret} in docker-compose.yml"
    volume = f"certs-{role.name}"
    if f"{volume}:/pki:ro" not in service.get("volumes", ()) or volume not in COMPOSE["volumes"]:
        yield f"the volume {volume} in docker-compose.yml"
    if f"{volume}:/pki/{role.name}" not in COMPOSE["services"]["certs"]["volumes"]:
        yield f"the volume {volume} of the service certs in docker-compose.yml"
    if role.serves and ("temporal-namespace" in service.get("depends_on", ())) != role.uses_temporal:
        yield f"temporal-namespace in depends_on of the service {role.name} in docker-compose.yml"


def _lacks_in_documents(role: ProcessRole) -> Iterator[str]:
    if not role.serves:
        return
    if not re.search(
        rf"(?m)^\| {role.name} \| `assay serve --role {role.name}` \| .*\(.*`{role.approle}`\)", OPERATE, re.IGNORECASE
    ):
        yield f"the row {role.name} of docs/operate.md, Processes"
    if not re.search(rf"(?m)^docker compose restart( [a-z]+)* {role.name}\b", OPERATE):
        yield f"the service {role.name} in docs/operate.md, AppRole"


def lacks(role: ProcessRole) -> list[str]:
    """Return the missing parts of a role of the table, by name."""
    groups = _groups_in_sql()
    return [
        *_lacks_in_vault(role),
        *(f"{found.group} in deploy/sql/roles.sql" for found in role.databases if found.group not in groups),
        *_lacks_in_compose(role),
        *_lacks_in_documents(role),
    ]


@pytest.mark.parametrize("role", roles.ALL, ids=lambda role: role.name)
def test_a_role_has_all_that_it_needs(role: ProcessRole) -> None:
    assert lacks(role) == []


def test_what_a_new_role_lacks_is_told_by_name() -> None:
    assert lacks(INVENTED) == [
        "the policy deploy/vault/invented.hcl",
        "the login assay-invented in deploy/vault/invented.hcl",
        "auth/approle/role/assay-invented/role-id in deploy/vault/operator.hcl",
        "auth/approle/role/assay-invented/secret-id in deploy/vault/operator.hcl",
        "assay_invented in deploy/sql/roles.sql",
        "the service invented in docker-compose.yml",
        "ASSAY_VAULT__INVENTED__ROLE_ID_FILE of the service invented in docker-compose.yml",
        "the secret invented_role_id in docker-compose.yml",
        "ASSAY_VAULT__INVENTED__SECRET_ID_FILE of the service invented in docker-compose.yml",
        "the secret invented_secret_id in docker-compose.yml",
        "the volume certs-invented in docker-compose.yml",
        "the volume certs-invented of the service certs in docker-compose.yml",
        "temporal-namespace in depends_on of the service invented in docker-compose.yml",
        "the row invented of docs/operate.md, Processes",
        "the service invented in docs/operate.md, AppRole",
    ]


def test_nothing_is_left_of_roles_that_are_gone() -> None:
    assert {path.name for path in POLICIES.iterdir()} == {role.policy_file for role in roles.ALL} | {"team.hcl"}
    assert _groups_in_sql() == {database.group for database in roles.DATABASES}
    issued = {name for name in COMPOSE["secrets"] if name.endswith("_id")}
    assert issued == {f"{role.name}_{which}_id" for role in roles.ALL for which in ("role", "secret")}


def test_every_role_has_its_group_of_settings() -> None:
    vault = Settings().vault
    assert [vault.approle(role) for role in roles.ALL] == [AppRoleSettings()] * len(roles.ALL)


def test_every_serving_role_has_a_process() -> None:
    assert set(Processes(Settings(), alone=False).by_role) == {role.name for role in roles.SERVING}
    assert (*(role.name for role in roles.SERVING), "all") == CHOICES


def test_roles_end_after_roles_that_start_before_them() -> None:
    started: list[str] = []
    for role in roles.SERVING:
        assert role.ends_after is None or role.ends_after in started, role.name
        started.append(role.name)


@pytest.mark.parametrize("role", roles.ALL, ids=lambda role: role.name)
def test_a_role_that_serves_metrics_names_a_documented_setting(role: ProcessRole) -> None:
    assert metrics_port_of(Settings(), role) is None, "none by default"
    if role.metrics_setting is not None:
        variable = f"ASSAY_{'__'.join(role.metrics_setting).upper()}"
        assert re.search(rf"(?m)^\| `{variable}` \| .*\b{role.name}\b.*/metrics", OPERATE), variable
