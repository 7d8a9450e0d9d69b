"""Encryption of records: the encrypted part, the keyed digest for repeats, and the stored digest.

The encrypted fields are AES-256-GCM (NIST SP 800-38D) ciphertext under a separate key, derived with the event's ID as
salt from the key of the record's data subject, or from the tenant's data key if it has none. Tenant, event and schema
are associated data: a ciphertext moved to another row fails authentication. A stored ciphertext is a random nonce of 12
bytes, then ciphertext and tag.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC
from typing import Protocol
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.postgres.encryption.subject_keys import SubjectKey
from adapters.vault.errors import unavailable
from assay_temporal.keyring import DataKey, KeyRing, KeyUnavailable, derive
from domain.identity import content_mac, subject_hash
from domain.ports import IdentityKeys
from domain.records.encrypted_rows import EncryptedRecord
from domain.records.records import (
    SCHEMA_VERSION,
    Record,
    StoredRecord,
    canonical,
    encrypted_fields,
    fields_with_mac,
    record_digest,
    repeatable_content,
)
from domain.refusals import Kind, Refusal

PURPOSE = "assay/audit-record/v1"
NO_KEY = "none"
"""Value instead of a key's ID, for a record without an encrypted part."""

_NOTHING = b"{}"
_NONCE_BYTES = 12


class SubjectKeys(Protocol):
    """Keys of data subjects, by their keyed hash. Raise ``KeyUnavailable``, or a ``Refusal`` while the store is
    unavailable.
    """

    async def current(self, tenant: str, subject: str) -> SubjectKey:
        """Return the current key, created if there is none."""
        ...

    async def by_id(self, tenant: str, key_id: UUID) -> SubjectKey:
        """Return the key of an existing ciphertext."""
        ...

    def forget(self, tenant: str, subject: str) -> None:
        """Drop the cached key after its erasure."""
        ...


class RecordEncrypter:
    """Encrypts and decrypts records with the keys of data subjects and tenants."""

    def __init__(
        self,
        keyring: KeyRing,
        identity: IdentityKeys,
        subjects: SubjectKeys,
        *,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """Take the ports. ``random_bytes`` makes nonces."""
        self._keyring = keyring
        self._identity = identity
        self._subjects = subjects
        self._random_bytes = random_bytes

    async def seal(self, record: Record) -> EncryptedRecord:
        """Encrypt the personal fields and compute the digests.

        Raises:
            Refusal: VAULT_UNAVAILABLE; STORE_UNAVAILABLE; FORBIDDEN if the tenant has no key.
        """
        record = replace(record, recorded_at=record.recorded_at.astimezone(UTC))
        identity_key = await self._identity.tenant_key(record.tenant)
        person = record.sealed.data_subject
        subject = subject_hash(identity_key, record.tenant, person) if person else None
        try:
            key, subject_key = await self._key(record.tenant, subject)
        except KeyUnavailable as error:
            raise _as_refusal(error, Kind.FORBIDDEN) from None
        nonce = self._random_bytes(_NONCE_BYTES)
        associated = _associated(record.tenant, record.event_id, SCHEMA_VERSION)
        ciphertext = nonce + _cipher(key, record.event_id).encrypt(nonce, encrypted_fields(record.sealed), associated)
        mac = content_mac(identity_key, repeatable_content(record))
        return EncryptedRecord(
            record=record,
            subject=subject,
            fields_json=canonical(fields_with_mac(record, mac)).decode(),
            key_id=key.key_id,
            subject_key=subject_key,
            ciphertext=ciphertext,
            content_mac=mac,
            digest=record_digest(
                record,
                key_id=key.key_id,
                ciphertext=ciphertext,
                subject=subject,
                subject_key=subject_key,
                content_mac=mac,
            ),
        )

    async def unseal(self, record: StoredRecord) -> bytes:
        """Decrypt the encrypted fields of a stored record, as canonical JSON.

        Raises:
            Refusal: VAULT_UNAVAILABLE; STORE_UNAVAILABLE; NOT_FOUND if the tenant's or the person's key is erased;
                INTERNAL if it does not authenticate.
        """
        if (record.key_id, record.subject_key, record.ciphertext) == (NO_KEY, None, b""):
            return _NOTHING
        try:
            if record.subject_key is None:
                key = await self._keyring.by_id(record.tenant, record.key_id)
            else:
                key = _as_data_key(record.tenant, await self._subjects.by_id(record.tenant, record.subject_key))
        except KeyUnavailable as error:
            raise _as_refusal(error, Kind.NOT_FOUND) from None
        nonce, body = record.ciphertext[:_NONCE_BYTES], record.ciphertext[_NONCE_BYTES:]
        try:
            associated = _associated(record.tenant, record.event_id, record.schema)
            return _cipher(key, record.event_id).decrypt(nonce, body, associated)
        except (InvalidTag, ValueError):
            raise Refusal(
                Kind.INTERNAL, "a record fails authentication: it was changed after it was encrypted"
            ) from None

    def forget(self, tenant: str, subject: str | None) -> None:
        """Drop the cached key after its erasure: the data subject's next record uses a new one."""
        if subject is not None:
            self._subjects.forget(tenant, subject)

    async def _key(self, tenant: str, subject: str | None) -> tuple[DataKey, UUID | None]:
        if subject is None:
            return await self._keyring.current(tenant), None
        key = await self._subjects.current(tenant, subject)
        return _as_data_key(tenant, key), key.id


def without_encrypted_part(record: Record, identity_key: bytes) -> EncryptedRecord:
    """Return a record without an encrypted part, for operators, who have no key.

    Raises:
        ValueError: if it has fields that must be encrypted.
    """
    if encrypted_fields(record.sealed) != _NOTHING:
        raise ValueError("this record has fields that must be encrypted")
    record = replace(record, recorded_at=record.recorded_at.astimezone(UTC))
    mac = content_mac(identity_key, repeatable_content(record))
    return EncryptedRecord(
        record=record,
        subject=None,
        fields_json=canonical(fields_with_mac(record, mac)).decode(),
        key_id=NO_KEY,
        subject_key=None,
        ciphertext=b"",
        content_mac=mac,
        digest=record_digest(record, key_id=NO_KEY, ciphertext=b"", content_mac=mac),
    )


def _as_data_key(tenant: str, key: SubjectKey) -> DataKey:
    return DataKey(tenant, key.data_key, key.material)


def _cipher(key: DataKey, event_id: UUID) -> AESGCM:
    return AESGCM(derive(key, PURPOSE, salt=event_id.bytes))


def _associated(tenant: str, event_id: UUID, schema: int) -> bytes:
    return f"{tenant}|{event_id}|{schema}".encode()


def _as_refusal(error: KeyUnavailable, gone: Kind) -> Refusal:
    return Refusal(gone, "the encryption key does not exist, or was erased") if error.gone else unavailable()
