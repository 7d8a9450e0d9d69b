"""Signing of checkpoints with Vault's Transit engine, and storage of the last ones in Vault.

A checkpoint is a C2SP signed note (c2sp.org/signed-note, c2sp.org/tlog-checkpoint) under one Ed25519 key for all
tenants, whose name in a note is the log's origin. ``log/<tenant>`` in the KV engine has the last one signed, written by
check-and-set: a rolled-back database does not match it.
"""

import base64
from collections.abc import Sequence

import hvac
from hvac.exceptions import InvalidRequest

from adapters.vault.calls import kv_read, kv_write
from adapters.vault.public_keys import VaultPublicKeys
from adapters.vault.session import ServiceSession
from adapters.vault.transit import TransitSigning
from domain.refusals import Kind, Refusal
from domain.signing_keys import LOG_KEY
from domain.transparency.checkpoints import (
    PREVIOUS,
    Checkpoint,
    Signature,
    key_id,
    parse_checkpoint,
    parse_note,
    signed_note,
)
from domain.transparency.heads import KeptCheckpoint


class VaultLogSigner:
    """``CheckpointSigner`` over Transit and the KV engine."""

    def __init__(
        self,
        session: ServiceSession,
        public_keys: VaultPublicKeys,
        *,
        log_name: str,
        kv_mount: str = "assay",
        transit_mount: str = "transit",
    ) -> None:
        """Take the session, and the public keys, which select the version. A log's origin is ``log_name/tenant``."""
        self._session = session
        self._transit = TransitSigning(session, public_keys, mount=transit_mount)
        self._log_name = log_name
        self._kv_mount = kv_mount
        self._kept: dict[str, KeptCheckpoint | None] = {}

    def checkpoint(self, tenant: str, size: int, root: bytes, previous: int = 0) -> Checkpoint:
        """See ``CheckpointSigner``."""
        extensions = (f"{PREVIOUS}{previous}",) if previous else ()
        return Checkpoint(f"{self._log_name}/{tenant}", size, root, extensions)

    async def sign(self, checkpoints: Sequence[Checkpoint]) -> list[str]:
        """See ``CheckpointSigner``."""
        texts = [checkpoint.text() for checkpoint in checkpoints]
        key, signatures = await self._transit.sign(LOG_KEY, lambda _: [text.encode() for text in texts])
        x = key.jwk["x"]
        public_key = base64.urlsafe_b64decode(x + "=" * (-len(x) % 4))
        notes = []
        for checkpoint, text, raw in zip(checkpoints, texts, signatures, strict=True):
            made = Signature(checkpoint.origin, key_id(checkpoint.origin, public_key), raw)
            notes.append(signed_note(text, [made]))
        return notes

    async def kept(self, tenant: str, *, fresh: bool = False) -> KeptCheckpoint | None:
        """See ``CheckpointSigner``."""
        if fresh or tenant not in self._kept:
            self._kept[tenant] = await self._session.call(lambda client: self._read(client, tenant))
        return self._kept[tenant]

    def forget(self, tenant: str) -> None:
        """See ``CheckpointSigner``."""
        self._kept.pop(tenant, None)

    async def keep(self, tenant: str, note: str, *, after: KeptCheckpoint | None) -> bool:
        """See ``CheckpointSigner``."""
        self._kept.pop(tenant, None)  # unknown, until this call succeeds
        version = after.version if after else 0

        def put(client: hvac.Client) -> bool:
            try:
                kv_write(client, self._kv_mount, f"log/{tenant}", {"note": note}, cas=version)
            except InvalidRequest:
                return False
            return True

        if not await self._session.call(put):
            return False
        self._kept[tenant] = _parsed(tenant, note, version + 1, self._log_name)
        return True

    def _read(self, client: hvac.Client, tenant: str) -> KeptCheckpoint | None:
        found = kv_read(client, self._kv_mount, f"log/{tenant}")
        if found is None:
            return None
        return _parsed(tenant, str(found.data.get("note")), found.version, self._log_name)


def _parsed(tenant: str, note: str, version: int, log_name: str) -> KeptCheckpoint:
    try:
        checkpoint = parse_checkpoint(parse_note(note).text)
    except ValueError:
        raise Refusal(Kind.INTERNAL, "the stored last checkpoint of a log can't be read") from None
    if checkpoint.origin != f"{log_name}/{tenant}":
        raise Refusal(Kind.INTERNAL, "the log's last checkpoint has another origin: was the log's name changed?")
    return KeptCheckpoint(note, checkpoint, version)
