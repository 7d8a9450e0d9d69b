"""Manifests as signed statements (JWS), and checkpoints by the log's own key."""

import base64

from domain.ports import SignatureChecks, StatementInvalid, StatementSigner
from domain.signing_keys import ARCHIVE_KEY, LOG_KEY
from domain.transparency.announcements import ANNOUNCEMENT_TYPE, Announcement
from domain.transparency.archive import MANIFEST_TYPE, ArchiveInvalid, Manifest
from domain.transparency.checkpoints import Checkpoint, LogFormatError, Unproven, VerifierKey, open_checkpoint


class ManifestSigner:
    """Signs and verifies manifests, and verifies the log's notes: all keys are Vault's."""

    def __init__(self, signer: StatementSigner, signatures: SignatureChecks, log_name: str) -> None:
        """Take the signer, the signature checks, and the common prefix of the logs' origins."""
        self._signer = signer
        self._signatures = signatures
        self._log_name = log_name

    async def sign(self, manifest: Manifest) -> str:
        """Return the manifest as a compact JWS."""
        return await self._signer.sign(ARCHIVE_KEY, MANIFEST_TYPE, manifest.claims())

    async def announce(self, announcement: Announcement) -> str:
        """Return the announcement as a compact JWS."""
        return await self._signer.sign(ARCHIVE_KEY, ANNOUNCEMENT_TYPE, announcement.claims())

    async def open(self, signed: str) -> Manifest:
        """Return the manifest after verifying its signature.

        Raises:
            ArchiveInvalid: it is invalid.
        """
        try:
            header = self._signatures.header(signed)
            if header.get("typ") != MANIFEST_TYPE:
                raise ArchiveInvalid("the manifest: malformed")
            key = (await self._signer.public_keys(ARCHIVE_KEY)).get(str(header.get("kid")))
            if key is None:
                raise ArchiveInvalid("the manifest: it is signed by an unknown key")
            claims = self._signatures.claims(signed, key)
        except StatementInvalid:
            raise ArchiveInvalid("the manifest: its signature is invalid") from None
        return Manifest.from_claims(claims)

    async def checkpoint(self, tenant: str, note: str) -> Checkpoint:
        """Return the tenant's checkpoint after verifying its signature.

        Raises:
            ArchiveInvalid: it is invalid, or belongs to another log.
        """
        origin = f"{self._log_name}/{tenant}"
        jwks = (await self._signer.public_keys(LOG_KEY)).values()
        keys = [VerifierKey(origin, _base64url(jwk["x"])) for jwk in jwks]
        try:
            found = open_checkpoint(note, keys, self._signatures.ed25519)
        except (LogFormatError, Unproven) as error:
            raise ArchiveInvalid(f"the checkpoint: {error}") from None
        if found.origin != origin:
            raise ArchiveInvalid("the checkpoint: it belongs to another log")
        return found


def _base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
