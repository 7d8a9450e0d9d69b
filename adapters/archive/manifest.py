"""Manifests as signed statements (JWS), and checkpoints by the log's own key."""

from typing import Any

import jwt
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from jwt.utils import base64url_decode

from domain.ports import StatementSigner
from domain.signing_keys import ARCHIVE_KEY, LOG_KEY
from domain.transparency.archive import MANIFEST_TYPE, ArchiveInvalid, Manifest
from domain.transparency.checkpoints import Checkpoint, LogFormatError, Unproven, VerifierKey, open_checkpoint


class ArchiveSeals:
    """Signs and opens manifests, and opens the log's notes: all keys are Vault's."""

    def __init__(self, signer: StatementSigner, log_name: str) -> None:
        """Take the signer, and the name that the logs' origins begin with."""
        self._signer = signer
        self._log_name = log_name

    async def sign(self, manifest: Manifest) -> str:
        """The manifest as a compact JWS."""
        return await self._signer.sign(ARCHIVE_KEY, MANIFEST_TYPE, manifest.claims())

    async def open(self, signed: str) -> Manifest:
        """The manifest, once its signature is verified.

        Raises:
            ArchiveInvalid: it does not hold.
        """
        try:
            header = jwt.get_unverified_header(signed)
            if header.get("typ") != MANIFEST_TYPE:
                raise ArchiveInvalid("the manifest: malformed")
            key = (await self._signer.public_keys(ARCHIVE_KEY)).get(str(header.get("kid")))
            if key is None:
                raise ArchiveInvalid("the manifest: it is signed by an unknown key")
            claims: dict[str, Any] = jwt.decode(signed, jwt.PyJWK(dict(key)), algorithms=["EdDSA"])
        except jwt.PyJWTError:
            raise ArchiveInvalid("the manifest: its signature is invalid") from None
        return Manifest.from_claims(claims)

    async def checkpoint(self, tenant: str, note: str) -> Checkpoint:
        """The tenant's checkpoint, once its signature is verified.

        Raises:
            ArchiveInvalid: it does not hold, or is of another log.
        """
        origin = f"{self._log_name}/{tenant}"
        jwks = (await self._signer.public_keys(LOG_KEY)).values()
        keys = [VerifierKey(origin, base64url_decode(jwk["x"])) for jwk in jwks]
        try:
            found = open_checkpoint(note, keys, _verify)
        except (LogFormatError, Unproven) as error:
            raise ArchiveInvalid(f"the checkpoint: {error}") from None
        if found.origin != origin:
            raise ArchiveInvalid("the checkpoint: it belongs to another log")
        return found


def _verify(public_key: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature:
        return False
    return True
