"""docker-compose.yml: it is valid in a fresh clone, hardened, free of secrets, and its settings are ones we know."""

import copy
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from config import roles
from config.settings import Settings
from tests.paths import ROOT

COMPOSE = Path(sys.executable).parent / "docker-compose"
OWN = (*(role.name for role in roles.ALL), "vault-setup")
ONE_SHOT = {"certs", "temporal-schema", "temporal-namespace", "operator", "vault-setup"}


@pytest.fixture(scope="module")
def project() -> dict:
    """The project as compose reads it, with every profile, and nothing set that a clone does not have."""
    command = [COMPOSE, "--file", "docker-compose.yml", "--profile", "*", "config", "--format", "json"]
    clean = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    done = subprocess.run(command, cwd=ROOT, env=clean, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "compose warns of nothing"
    return json.loads(done.stdout)


def test_every_service_is_hardened(project: dict) -> None:
    for name, service in project["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "cap_add" not in service, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service.get("privileged"), name
        limits = service["deploy"]["resources"]["limits"]
        assert {"cpus", "memory", "pids"} <= limits.keys(), name
        assert service["restart"] == ("no" if name in ONE_SHOT else "unless-stopped"), name


def test_lasting_services_have_a_healthcheck(project: dict) -> None:
    watched = {name for name, service in project["services"].items() if service.get("healthcheck", {}).get("test")}
    assert watched == set(project["services"]) - ONE_SHOT


def test_own_processes_run_as_the_unprivileged_user(project: dict) -> None:
    assert {project["services"][name]["user"] for name in OWN} == {"1001:1001"}


def test_images_are_pinned(project: dict) -> None:
    for name, service in project["services"].items():
        tag = service["image"].rpartition(":")[2]
        assert re.fullmatch(r"\d+\.\d+(\.\d+)?(-\w+)?", tag), f"{name}: {service['image']}"


def test_no_secret_stands_in_an_environment(project: dict) -> None:
    suspicious = re.compile(r"PASSWORD|PASSWD|PWD|SECRET|TOKEN|PRIVATE|API_KEY|CREDENTIAL", re.IGNORECASE)
    for name, service in project["services"].items():
        for variable, value in service.get("environment", {}).items():
            named_file = variable.endswith("_FILE") and str(value).startswith(("/run/secrets/", "/pki/"))
            harmless = value in {"true", "false"}
            assert not suspicious.search(variable) or named_file or harmless, f"{name}: {variable}"


def test_every_secret_is_a_file_that_git_ignores(project: dict) -> None:
    files = [Path(secret["file"]).relative_to(ROOT).as_posix() for secret in project["secrets"].values()]
    done = subprocess.run(["git", "check-ignore", *files], cwd=ROOT, capture_output=True, text=True, check=False)
    assert sorted(done.stdout.split()) == sorted(files)


def test_only_the_gateway_and_the_ui_publish_a_port(project: dict) -> None:
    published = {name: service["ports"] for name, service in project["services"].items() if service.get("ports")}
    assert set(published) == {"kong", "temporal-ui-proxy"}
    assert all(port["host_ip"] == "127.0.0.1" for ports in published.values() for port in ports)


def test_stores_are_on_internal_networks_only(project: dict) -> None:
    internal = {name for name, network in project["networks"].items() if network and network.get("internal")}
    assert internal == {"control", "data", "temporal-data", "ui"}
    for name in ("vault", "assay-db", "temporal-db", "temporal"):
        assert set(project["services"][name]["networks"]) <= internal, name
    assert set(project["services"]["kong"]["networks"]) == {"edge"}
    assert "outward" not in project["services"]["api"]["networks"]


def test_nobody_sees_anothers_keys(project: dict) -> None:
    for name, service in project["services"].items():
        keys = [m["source"] for m in service.get("volumes", []) if m["source"].startswith("certs-")]
        if name != "certs":
            assert len(keys) <= 1, name
            assert "certs-ca" not in keys, name
            assert all(m.get("read_only") for m in service.get("volumes", []) if m["source"] in keys), name


def test_the_apis_spool_lies_on_a_volume_of_its_own(project: dict) -> None:
    """The root is read-only, a tmpfs ends with the container, and the image made the directory for its user."""
    spool = project["services"]["api"]["environment"]["ASSAY_API__SPOOL_DIR"]
    [mount] = [m for m in project["services"]["api"]["volumes"] if m["type"] == "volume" and not m.get("read_only")]
    assert (mount["source"], Path(spool).parent) == ("api-spool", Path(mount["target"]))
    assert f"--owner=1001 --group=1001 --mode=0700 {mount['target']}" in (ROOT / "deploy/Dockerfile").read_text()
    others = [m["source"] for name, s in project["services"].items() if name != "api" for m in s.get("volumes", [])]
    assert "api-spool" not in others


def test_mounted_files_exist(project: dict) -> None:
    for service in project["services"].values():
        for mount in service.get("volumes", []):
            if mount["type"] == "bind":
                assert Path(mount["source"]).exists(), mount["source"]


@pytest.mark.parametrize("name", OWN)
def test_settings_of_our_services_hold(project: dict, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings know every variable, and none of the addresses is plaintext."""
    for variable in [v for v in os.environ if v.startswith("ASSAY_")]:
        monkeypatch.delenv(variable)
    environment = project["services"][name]["environment"]
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.delenv("ASSAY_SUPERUSER_PASSWORD_FILE", raising=False)
    settings = Settings()
    assert settings.vault.address.startswith("https://")
    assert settings.database.tls_required
    assert settings.temporal.tls
    known = {f"ASSAY_{group.upper()}__" for group in Settings.model_fields} | {"ASSAY_SUPERUSER_PASSWORD_FILE"}
    assert all(variable.startswith(tuple(known)) for variable in environment)


def test_temporal_asks_for_a_certificate_and_a_token(project: dict) -> None:
    environment = project["services"]["temporal"]["environment"]
    assert environment["TEMPORAL_AUTH_AUTHORIZER"] == "default"
    assert environment["TEMPORAL_AUTH_CLAIM_MAPPER"] == "default"
    assert environment["TEMPORAL_TLS_REQUIRE_CLIENT_AUTH"] == "true"
    assert environment["NUM_HISTORY_SHARDS"] == "512"
    assert "POSTGRES_PWD" not in environment


def test_the_ui_asks_for_plaintext_by_cookie_and_never_with_another_issuers_token(project: dict) -> None:
    environment = project["services"]["temporal-ui"]["environment"]
    assert environment["TEMPORAL_CODEC_INCLUDE_CREDENTIALS"] == "true"
    assert environment["TEMPORAL_CODEC_PASS_ACCESS_TOKEN"] == "false"
    assert environment["TEMPORAL_CODEC_ENDPOINT"] == ""
    assert project["services"]["api"]["environment"]["ASSAY_API__UI_ORIGIN"] == "", (
        "no page may ask unless you name one"
    )


def published_without_a_host_check(project: dict) -> set[str]:
    """Return the services with a published port that answer to any Host header."""
    found = set()
    for name, service in project["services"].items():
        arguments = [*(service.get("entrypoint") or ()), *(service.get("command") or ())]
        hosts = [part.removeprefix("--host=") for part in arguments if part.startswith("--host=")]
        exact = bool(hosts) and all(re.fullmatch(r"[a-z0-9.-]+(:\d+)?", host) for host in hosts)
        if service.get("ports") and not ("embedded.servers.ui_server" in arguments and exact) and name != "kong":
            found.add(name)
    return found


def test_a_published_ui_answers_to_named_hosts_alone(project: dict) -> None:
    assert not published_without_a_host_check(project)
    ui = project["services"]["temporal-ui"]
    assert "ports" not in ui
    assert set(project["services"]["temporal-ui-proxy"]["networks"]) & set(ui["networks"]) == {"ui"}


@pytest.mark.parametrize("wrong", ["the UI itself", "any host", "no host"])
def test_a_published_ui_without_a_host_check_is_found(project: dict, wrong: str) -> None:
    changed = copy.deepcopy(project)
    services = changed["services"]
    if wrong == "the UI itself":
        services["temporal-ui"]["ports"] = services["temporal-ui-proxy"].pop("ports")
    else:
        services["temporal-ui-proxy"]["command"] = ["--host=*"] if wrong == "any host" else []
    assert published_without_a_host_check(changed)


def test_vault_is_no_development_server() -> None:
    text = (ROOT / "deploy/compose/vault.hcl").read_text()
    assert 'storage "raft"' in text
    assert "tls_cert_file" in text
    assert "tls_disable" not in text


def test_the_namespace_script_makes_the_search_attributes_that_runs_use() -> None:
    script = (ROOT / "deploy/compose/temporal-namespace.sh").read_text()
    used = re.findall(r'for_keyword\("(Assay\w+)"\)', (ROOT / "workflows/inference/search_attributes.py").read_text())
    made = re.search(r'^attributes="(.+)"$', script, re.MULTILINE)
    assert used
    assert made is not None
    assert set(used) <= set(made[1].split())


def test_database_logins_need_tls_and_a_proof() -> None:
    for name in ("assay-db-hba.conf", "temporal-db-hba.conf"):
        rules = [line.split() for line in (ROOT / "deploy/compose" / name).read_text().splitlines()]
        rules = [rule for rule in rules if rule and not rule[0].startswith("#")]
        assert {rule[0] for rule in rules} == {"local", "hostssl"}
        assert {rule[-1] for rule in rules} <= {"scram-sha-256", "cert"}


def test_yaml_of_the_dynamic_configuration_parses() -> None:
    content = yaml.safe_load((ROOT / "deploy/compose/temporal-dynamic-config.yaml").read_text())
    assert content["frontend.enablePrincipalPropagation"] == [{"value": True}]
