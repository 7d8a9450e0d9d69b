"""Sealing records: the encrypted part, the keyed digest for repeats, and the digest of what is stored.

The sealed fields are AES-256-GCM (NIST SP 800-38D) ciphertext under a key of their own, derived from the tenant's data
key with the event's ID as salt. Tenant, event and schema are associated data: a ciphertext moved to another row does
not open. A stored ciphertext is a random nonce of 12 bytes, then ciphertext and tag.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.vault_client import unavailable
from assay_temporal.keyring import DataKey, KeyRing, KeyUnavailable, derive
from domain.identity import content_mac
from domain.ports import IdentityKeys
from domain.records import (
    SCHEMA_VERSION,
    Record,
    StoredRecord,
    canonical,
    open_fields,
    record_digest,
    repeatable_content,
    sealed_fields,
)
from domain.refusals import Kind, Refusal

PURPOSE = "assay/audit-record/v1"
_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class SealedRecord:
    """A record ready to be stored: the record in UTC, its open fields as canonical JSON, and what sealing made."""

    record: Record
    fields_json: str
    key_id: str
    ciphertext: bytes = field(repr=False)
    content_mac: bytes = field(repr=False)
    digest: bytes = field(repr=False)


class RecordSealer:
    """Seals and opens records with the tenants' keys."""

    def __init__(
        self, keyring: KeyRing, identity: IdentityKeys, *, random_bytes: Callable[[int], bytes] = os.urandom
    ) -> None:
        """Take the ports. ``random_bytes`` makes nonces."""
        self._keyring = keyring
        self._identity = identity
        self._random_bytes = random_bytes

    async def seal(self, record: Record) -> SealedRecord:
        """Encrypt the sealed fields and compute the digests.

        Raises:
            Refusal: VAULT_UNAVAILABLE; FORBIDDEN if the tenant has no key.
        """
        record = replace(record, recorded_at=record.recorded_at.astimezone(UTC))
        try:
            key = await self._keyring.current(record.tenant)
        except KeyUnavailable as error:
            raise _as_refusal(error, Kind.FORBIDDEN) from None
        nonce = self._random_bytes(_NONCE_BYTES)
        plaintext = sealed_fields(record.sealed)
        cipher = _cipher(key, record.event_id)
        ciphertext = nonce + cipher.encrypt(nonce, plaintext, _associated(record.tenant, record.event_id))
        identity_key = await self._identity.tenant_key(record.tenant)
        return SealedRecord(
            record=record,
            fields_json=canonical(open_fields(record.fields)).decode(),
            key_id=key.key_id,
            ciphertext=ciphertext,
            content_mac=content_mac(identity_key, repeatable_content(record)),
            digest=record_digest(record, key.key_id, ciphertext),
        )

    async def unseal(self, record: StoredRecord) -> bytes:
        """The sealed fields of a stored record, as canonical JSON.

        Raises:
            Refusal: VAULT_UNAVAILABLE; NOT_FOUND if the tenant's key is gone; INTERNAL if it does not authenticate.
        """
        try:
            key = await self._keyring.by_id(record.tenant, record.key_id)
        except KeyUnavailable as error:
            raise _as_refusal(error, Kind.NOT_FOUND) from None
        nonce, body = record.ciphertext[:_NONCE_BYTES], record.ciphertext[_NONCE_BYTES:]
        try:
            return _cipher(key, record.event_id).decrypt(nonce, body, _associated(record.tenant, record.event_id))
        except (InvalidTag, ValueError):
            raise Refusal(Kind.INTERNAL, "a record does not authenticate: it was changed after it was sealed") from None


def _cipher(key: DataKey, event_id: UUID) -> AESGCM:
    return AESGCM(derive(key, PURPOSE, salt=event_id.bytes))


def _associated(tenant: str, event_id: UUID) -> bytes:
    return f"{tenant}|{event_id}|{SCHEMA_VERSION}".encode()


def _as_refusal(error: KeyUnavailable, gone: Kind) -> Refusal:
    return Refusal(gone, "the tenant has no key, or not any more") if error.gone else unavailable()
