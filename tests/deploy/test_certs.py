"""deploy/compose/certs.py: the certificates hold in a real handshake, the tokens are ones that Temporal reads."""

import json
import runpy
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import jwt
import pytest

from tests.paths import ROOT

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def certs() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(ROOT / "deploy/compose/certs.py")))


@pytest.fixture
def pki(certs: SimpleNamespace, tmp_path: Path) -> Path:
    assert certs.run(tmp_path, "gateway.example", NOW)
    return tmp_path


def _server(home: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(home / "tls.crt", home / "tls.key")
    context.load_verify_locations(home / "ca.crt")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def _client(home: Path, name: str = "tls") -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=home / "ca.crt")
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    context.load_cert_chain(home / f"{name}.crt", home / f"{name}.key")
    return context


def _handshake(server: ssl.SSLContext, client: ssl.SSLContext, host: str) -> dict:
    """The server's view of the client's certificate, after both sides agreed."""
    near, far = socket.socketpair()
    seen: list[object] = []

    def serve() -> None:
        try:
            with server.wrap_socket(far, server_side=True) as connection:
                seen.append(connection.getpeercert())
                connection.sendall(b"x")
        except OSError as error:
            seen.append(error)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client.wrap_socket(near, server_hostname=host) as connection:
            connection.recv(1)
    finally:
        near.close()
        thread.join(10)
        far.close()
    assert isinstance(seen[0], dict), seen
    return seen[0]


@pytest.mark.parametrize(
    ("server", "host", "client", "name", "subject"),
    [
        ("temporal", "temporal", "api", "tls", "assay-api"),
        ("temporal", "temporal", "worker", "tls", "assay-worker"),
        ("temporal", "temporal", "temporal", "tls", "temporal"),
        ("temporal-db", "temporal-db", "temporal", "sql", "temporal"),
        ("temporal-db", "temporal-db", "temporal-setup", "sql", "temporal"),
        ("vault", "vault", "api", "tls", "assay-api"),
        ("kong", "gateway.example", "worker", "tls", "assay-worker"),
    ],
)
def test_both_sides_of_a_handshake_verify(
    pki: Path, server: str, host: str, client: str, name: str, subject: str
) -> None:
    seen = _handshake(_server(pki / server), _client(pki / client, name), host)
    assert seen["subject"] == ((("commonName", subject),),)


def test_a_certificate_is_good_for_its_own_host_only(pki: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        _handshake(_server(pki / "vault"), _client(pki / "api"), "assay-db")


def test_a_clients_certificate_cannot_serve(pki: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        _handshake(_server(pki / "api"), _client(pki / "worker"), "assay-api")


def test_another_ca_is_a_stranger(certs: SimpleNamespace, pki: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    certs.run(other, "gateway.example", NOW)
    with pytest.raises(ssl.SSLCertVerificationError):
        _handshake(_server(other / "vault"), _client(pki / "api"), "vault")


def test_tokens_say_what_the_claim_mapper_reads(pki: Path) -> None:
    keys = jwt.PyJWKSet.from_json((pki / "temporal/jwks.json").read_text())
    for service, expected in (("api", ["assay:write"]), ("temporal-setup", ["temporal-system:admin"])):
        token = (pki / service / "temporal.token").read_text()
        key = keys[jwt.get_unverified_header(token)["kid"]]
        claims = jwt.decode(token, key, ["ES256"])
        assert (claims["sub"], claims["permissions"]) == (service, expected)
    published = json.loads((pki / "temporal/jwks.json").read_text())["keys"]
    assert all("d" not in key for key in published), "the private half stays"


def test_private_keys_are_for_owner_and_group(pki: Path) -> None:
    for file in pki.rglob("*.key"):
        assert file.stat().st_mode & 0o777 == (0o600 if file.parent.name == "ca" else 0o640), file
    assert (pki / "ca").stat().st_mode & 0o777 == 0o700


def test_a_repeat_renews_only_what_grows_old(certs: SimpleNamespace, pki: Path) -> None:
    assert certs.run(pki, "gateway.example", NOW + timedelta(days=1)) == []
    authority = (pki / "ca/ca.crt").read_bytes()
    renewed = certs.run(pki, "gateway.example", NOW + timedelta(days=70))
    assert {"vault/tls", "temporal/sql", "api/temporal.token"} <= set(renewed)
    assert (pki / "ca/ca.crt").read_bytes() == authority


def test_another_name_of_the_gateway_is_a_new_certificate(certs: SimpleNamespace, pki: Path) -> None:
    assert certs.run(pki, "other.example", NOW) == ["kong/tls"]
