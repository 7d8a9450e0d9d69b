"""Signature checks by PyJWT and cryptography."""

from collections.abc import Mapping, Sequence
from typing import Any

import jwt
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from domain.ports import StatementInvalid


class LocalSignatureChecks:
    """``SignatureChecks`` in process."""

    def ed25519(self, public_key: bytes, signature: bytes, message: bytes) -> bool:
        """See ``SignatureChecks``."""
        return ed25519_holds(public_key, signature, message)

    def header(self, statement: str) -> Mapping[str, Any]:
        """See ``SignatureChecks``."""
        try:
            found: Mapping[str, Any] = jwt.get_unverified_header(statement)
        except jwt.PyJWTError as error:
            raise StatementInvalid(type(error).__name__) from None
        return found

    def claims(self, statement: str, key: Mapping[str, str], required: Sequence[str] = ()) -> dict[str, Any]:
        """See ``SignatureChecks``."""
        try:
            found: dict[str, Any] = jwt.decode(
                statement,
                jwt.PyJWK(dict(key)),
                algorithms=["EdDSA"],
                options={"verify_aud": False, "require": list(required)},
            )
        except jwt.PyJWTError as error:
            raise StatementInvalid(type(error).__name__) from None
        return found


def ed25519_holds(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Verify an Ed25519 signature (RFC 8032)."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature:
        return False
    return True
