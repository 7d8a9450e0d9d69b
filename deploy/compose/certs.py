"""Private CA of the compose deployment, with a certificate for each service, and the tokens for Temporal.

Runs as the one-shot service ``certs``, in the application's image. Every service has a directory of its own below the
root, and no access to others. Files belong to the creating process and its group may read them; PostgreSQL accepts a
key that root owns with mode 0640. Items with more than a third of their life left are kept, so a repeat is a renewal.

python certs.py --root /pki [--edge-host gateway.example]
"""

import argparse
import json
import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from config import roles

CA_LIFE = timedelta(days=3650)
LEAF_LIFE = timedelta(days=90)
_KEY_ID = "compose-1"
# The server reads roles from this claim, as "namespace:role" (temporal-system is the cluster itself).
_PERMISSIONS = "permissions"


@dataclass(frozen=True, slots=True)
class Leaf:
    """A certificate: its directory, its name, and its hosts (none: a client's)."""

    service: str
    name: str
    common_name: str
    hosts: tuple[str, ...] = ()


LEAVES = (
    Leaf("vault", "tls", "vault", ("vault", "localhost")),
    Leaf("assay-db", "tls", "assay-db", ("assay-db",)),
    Leaf("temporal-db", "tls", "temporal-db", ("temporal-db",)),
    Leaf("temporal", "tls", "temporal", ("temporal",)),
    Leaf(
        "temporal", "sql", "temporal"
    ),  # the role in PostgreSQL, which authenticates by this certificate instead of a password
    Leaf("temporal-setup", "tls", "temporal-setup"),
    Leaf("temporal-setup", "sql", "temporal"),
    Leaf("ui", "tls", "temporal-ui"),
    *(Leaf(role.name, "tls", role.approle) for role in roles.ALL),
)
TOKENS = {
    **{role.name: ("assay:write",) for role in roles.ALL if role.uses_temporal},
    "temporal-setup": ("temporal-system:admin",),
}


class Authority:
    """The CA and the key that signs tokens. Their private halves stay in a directory that no service mounts."""

    def __init__(self, root: Path, now: datetime) -> None:
        self._root = root
        self._now = now
        home = root / "ca"
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._key = _key_at(home / "ca.key")
        self._token_key = _key_at(home / "token.key")
        self.certificate = self._own_certificate(home / "ca.crt")

    def issue(self, leaf: Leaf) -> bool:
        """Write ``NAME.crt``, ``NAME.key`` and ``ca.crt`` for a leaf; False if the existing ones are still valid."""
        home = self._home(leaf.service)
        certificate, key_file = home / f"{leaf.name}.crt", home / f"{leaf.name}.key"
        ca_bytes = self.certificate.public_bytes(serialization.Encoding.PEM)
        same_ca = (home / "ca.crt").exists() and (home / "ca.crt").read_bytes() == ca_bytes
        if same_ca and key_file.exists() and certificate.exists() and self._serves(certificate, leaf):
            return False
        key = ec.generate_private_key(ec.SECP256R1())
        purpose = [ExtendedKeyUsageOID.SERVER_AUTH] * bool(leaf.hosts) + [ExtendedKeyUsageOID.CLIENT_AUTH]
        builder = self._builder(leaf.common_name, key.public_key(), LEAF_LIFE)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage(purpose), critical=False)
        if leaf.hosts:
            names = x509.SubjectAlternativeName([x509.DNSName(host) for host in leaf.hosts])
            builder = builder.add_extension(names, critical=False)
        _write(key_file, _private_bytes(key), 0o640)
        _write(certificate, builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM), 0o640)
        _write(home / "ca.crt", ca_bytes, 0o640)
        return True

    def issue_token(self, service: str, permissions: tuple[str, ...]) -> bool:
        """Write ``temporal.token``, a JWT (RFC 7519) for Temporal's default claim mapper."""
        file = self._home(service) / "temporal.token"
        if file.exists() and self._still_good(file.read_text("ascii")):
            return False
        claims = {
            "sub": service,
            _PERMISSIONS: list(permissions),
            "iat": int(self._now.timestamp()),
            "exp": int((self._now + LEAF_LIFE).timestamp()),
        }
        token = jwt.encode(claims, self._token_key, algorithm="ES256", headers={"kid": _KEY_ID})
        _write(file, token.encode("ascii"), 0o640)
        return True

    def publish_keys(self, service: str) -> None:
        """Write ``jwks.json`` (RFC 7517), with which Temporal verifies the tokens."""
        key = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self._token_key.public_key()))
        keys = {"keys": [key | {"kid": _KEY_ID, "alg": "ES256", "use": "sig"}]}
        _write(self._home(service) / "jwks.json", json.dumps(keys).encode(), 0o640)

    def _home(self, service: str) -> Path:
        home = self._root / service
        home.mkdir(mode=0o750, parents=True, exist_ok=True)
        return home

    def _serves(self, file: Path, leaf: Leaf) -> bool:
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
        if certificate.not_valid_after_utc - self._now < LEAF_LIFE / 3:
            return False
        try:
            names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except x509.ExtensionNotFound:
            return not leaf.hosts
        return tuple(names.get_values_for_type(x509.DNSName)) == leaf.hosts

    def _still_good(self, token: str) -> bool:
        try:
            claims = jwt.decode(token, self._token_key.public_key(), ["ES256"], options={"verify_iat": False})
        except jwt.InvalidTokenError:
            return False
        return bool(claims["exp"] - self._now.timestamp() > LEAF_LIFE.total_seconds() / 3)

    def _own_certificate(self, file: Path) -> x509.Certificate:
        if file.exists():
            return x509.load_pem_x509_certificate(file.read_bytes())
        builder = self._builder("Assay compose CA", self._key.public_key(), CA_LIFE)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        usage = x509.KeyUsage(
            digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False,
            data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        certificate = builder.add_extension(usage, critical=True).sign(self._key, hashes.SHA256())
        _write(file, certificate.public_bytes(serialization.Encoding.PEM), 0o640)
        return certificate

    def _builder(self, name: str, key: ec.EllipticCurvePublicKey, life: timedelta) -> x509.CertificateBuilder:
        identifier = x509.SubjectKeyIdentifier.from_public_key(key)
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Assay compose CA")]))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - timedelta(minutes=5))  # clocks of containers started at once may differ
            .not_valid_after(self._now + life)
            .add_extension(identifier, critical=False)
            .add_extension(authority, critical=False)
        )


def _key_at(file: Path) -> ec.EllipticCurvePrivateKey:
    if file.exists():
        key = serialization.load_pem_private_key(file.read_bytes(), password=None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise SystemExit(f"certs: {file} holds another kind of key")
        return key
    made = ec.generate_private_key(ec.SECP256R1())
    _write(file, _private_bytes(made), 0o600)
    return made


def _private_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def _write(file: Path, content: bytes, mode: int) -> None:
    """Write atomically, and never readable beyond ``mode``."""
    draft = file.with_name(file.name + ".draft")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
    draft.chmod(mode)
    draft.replace(file)


def run(root: Path, edge_host: str, now: datetime) -> list[str]:
    """Create or renew everything; return the names of renewed items."""
    authority = Authority(root, now)
    leaves = (*LEAVES, Leaf("kong", "tls", edge_host, (edge_host,)))
    renewed = [f"{leaf.service}/{leaf.name}" for leaf in leaves if authority.issue(leaf)]
    renewed += [
        f"{service}/temporal.token" for service, roles in TOKENS.items() if authority.issue_token(service, roles)
    ]
    authority.publish_keys("temporal")
    return renewed


def main() -> int:
    """Run the command; see the module."""
    parser = argparse.ArgumentParser(description="Make or renew the certificates of the compose deployment.")
    parser.add_argument("--root", type=Path, default=Path("/pki"))
    parser.add_argument("--edge-host", default="localhost", help="the name that callers know the gateway by")
    given = parser.parse_args()
    renewed = run(given.root, given.edge_host, datetime.now(UTC))
    sys.stdout.write(f"certs: {', '.join(renewed) if renewed else 'nothing to renew'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
