"""deploy/kong/kong.yml and the script that renders its consumers."""

import base64
import json
import runpy
import subprocess
import sys

import pytest
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from api.codec.routes import DECODE_BODY_BYTES
from config.settings import ApiSettings
from tests.paths import ROOT

SCRIPT = ROOT / "scripts/kong-consumer"
CONFIG = ROOT / "deploy/kong/kong.yml"


@pytest.fixture(scope="module")
def kong() -> dict:
    return yaml.safe_load(CONFIG.read_text())


def _plugin(place: dict, name: str) -> dict:
    return next(plugin for plugin in place["plugins"] if plugin["name"] == name)["config"]


def _route(kong: dict, name: str) -> dict:
    return next(route for route in kong["services"][0]["routes"] if route["name"] == name)


def test_it_is_a_declarative_configuration_without_consumers(kong: dict) -> None:
    assert kong["_format_version"] == "3.0"
    assert kong["consumers"] == []
    assert [service["host"] for service in kong["services"]] == ["api"]


def test_every_plugin_is_one_that_the_container_loads(kong: dict) -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    loaded = set(compose["services"]["kong"]["environment"]["KONG_PLUGINS"].split(","))
    routes = kong["services"][0]["routes"]
    used = {plugin["name"] for place in (kong, *routes) for plugin in place["plugins"]}
    assert used == loaded


def test_tokens_are_checked_by_client_and_expiry(kong: dict) -> None:
    jwt = _plugin(_route(kong, "api"), "jwt")
    assert jwt["key_claim_name"] == "client_id"
    assert jwt["claims_to_verify"] == ["exp"]
    assert jwt["header_names"] == ["authorization"]
    assert jwt["uri_param_names"] == [], "a token in an address ends up in logs"
    assert "anonymous" not in jwt


def test_every_route_is_limited_and_fails_closed(kong: dict) -> None:
    for route in kong["services"][0]["routes"]:
        rate = _plugin(route, "rate-limiting")
        assert rate["minute"] > 0
        assert rate["fault_tolerant"] is False, route["name"]
        assert route["protocols"] == ["https"]
        assert route["strip_path"] is False
    assert _plugin(_route(kong, "api"), "rate-limiting")["limit_by"] == "consumer"
    assert _plugin(_route(kong, "api"), "rate-limiting")["minute"] == 60


def test_what_is_for_operators_stays_inside(kong: dict) -> None:
    paths = {path for route in kong["services"][0]["routes"] for path in route["paths"]}
    assert paths == {"/v1", "/ai/predict", "/oauth/token", "/.well-known", "/codec"}


def test_only_what_has_other_credentials_goes_without_a_token(kong: dict) -> None:
    unchecked = [r for r in kong["services"][0]["routes"] if not any(p["name"] == "jwt" for p in r["plugins"])]
    assert {route["name"] for route in unchecked} == {"api-key", "x-api-key", "azure-api-key", "tokens", "codec"}
    assert _route(kong, "api-key")["headers"] == {"authorization": [r"~*^[Bb]earer\s+assay_"]}
    assert _route(kong, "x-api-key")["headers"] == {"x-api-key": ["~^assay_"]}
    assert _route(kong, "azure-api-key")["headers"] == {"api-key": ["~^assay_"]}


def test_bodies_are_bounded_as_in_the_settings(kong: dict) -> None:
    limit = _plugin(kong, "request-size-limiting")
    assert limit["size_unit"] == "bytes"
    assert limit["allowed_payload_size"] == ApiSettings().max_body_bytes
    for name in ("api", "api-key", "x-api-key", "azure-api-key"):
        of_route = _plugin(_route(kong, name), "request-size-limiting")
        assert (of_route["size_unit"], of_route["allowed_payload_size"]) == (
            "bytes",
            ApiSettings().max_conversation_bytes,
        )
    of_codec = _plugin(_route(kong, "codec"), "request-size-limiting")
    assert (of_codec["size_unit"], of_codec["allowed_payload_size"]) == ("bytes", DECODE_BODY_BYTES)


def test_the_runs_id_is_left_alone(kong: dict) -> None:
    assert _plugin(kong, "correlation-id")["header_name"].lower() != "x-request-id"


def _jwk(key: Ed25519PublicKey, kid: str) -> dict[str, str]:
    x = base64.urlsafe_b64encode(key.public_bytes_raw()).rstrip(b"=").decode()
    return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid, "alg": "EdDSA", "use": "sig"}


def _render(jwks: list[dict[str, str]], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, SCRIPT, "--jwks", "-", *arguments]
    given = json.dumps({"keys": jwks})
    return subprocess.run(command, cwd=ROOT, input=given, capture_output=True, text=True, check=False)


def test_consumers_carry_the_key_that_signs_tokens() -> None:
    signs, other = (Ed25519PrivateKey.generate().public_key() for _ in range(2))
    jwks = [_jwk(other, "receipt-signing:1"), _jwk(signs, "token-signing:1")]
    done = _render(jwks, "--into", str(CONFIG), "one", "two", "one")
    assert done.returncode == 0, done.stderr
    rendered = yaml.safe_load(done.stdout)
    assert [consumer["username"] for consumer in rendered["consumers"]] == ["one", "two"]
    credential = rendered["consumers"][1]["jwt_secrets"][0]
    assert (credential["key"], credential["algorithm"]) == ("two", "EdDSA")
    pem = serialization.load_pem_public_key(credential["rsa_public_key"].encode())
    assert isinstance(pem, Ed25519PublicKey)
    assert pem.public_bytes_raw() == signs.public_bytes_raw()
    assert rendered["services"] == yaml.safe_load(CONFIG.read_text())["services"]


def test_several_signing_keys_have_to_be_told_apart() -> None:
    old, new = (Ed25519PrivateKey.generate().public_key() for _ in range(2))
    jwks = [_jwk(old, "token-signing:1"), _jwk(new, "token-signing:2")]
    done = _render(jwks, "one")
    assert done.returncode == 1
    assert "--kid" in done.stderr
    done = _render(jwks, "--kid", "token-signing:2", "one")
    assert done.returncode == 0
    assert yaml.safe_load(done.stdout)["consumers"][0]["jwt_secrets"]


@pytest.mark.parametrize("client_id", ["a b", 'a"', "", "x: y", "a\nb", "-a"])
def test_a_client_id_cannot_break_out(client_id: str) -> None:
    done = _render([_jwk(Ed25519PrivateKey.generate().public_key(), "token-signing:1")], "--", client_id)
    assert done.returncode == 1
    assert "is no client ID" in done.stderr


def test_keys_are_not_fetched_in_plaintext() -> None:
    load = runpy.run_path(str(SCRIPT))["load"]
    with pytest.raises(SystemExit, match="https"):
        load("http://gateway.example/.well-known/jwks.json")
