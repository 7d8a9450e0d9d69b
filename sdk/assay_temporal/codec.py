"""Temporal payload codec that encrypts with a tenant's data key and refuses unauthenticated payloads.

Each payload becomes AES-256-GCM (NIST SP 800-38D) ciphertext under a key derived for this purpose alone. Its metadata
names the data key, the tenant, the namespace and the workflow, and all four are associated data: a payload that is
moved to another run, or whose metadata is edited, fails authentication.
"""

import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    ActivitySerializationContext,
    PayloadCodec,
    SerializationContext,
    WithSerializationContext,
    WorkflowSerializationContext,
)

from assay_temporal.keyring import DataKey, KeyRing, KeyUnavailable, derive

ENCODING: Final = b"binary/assay-a256gcm"
PURPOSE: Final = "assay/temporal-payload/v1"
_NONCE_BYTES: Final = 12
_NULL: Final = Payload(metadata={"encoding": b"binary/null"})


class UnauthenticatedPayload(Exception):
    """A payload is plaintext, forged, damaged, or belongs to another workflow. Names the key ID at most."""


class OnUnauthenticated(Enum):
    """Treatment of a workflow's payloads that fail authentication."""

    RAISE = "raise"
    READ_AS_NULL = "null"
    """Decode to null, so that the run can refuse an untrusted start by name. Payloads of activities raise nevertheless.
    """


@dataclass(frozen=True, slots=True)
class _PayloadPlace:
    """Namespace, workflow and tenant of a payload."""

    namespace: str = ""
    workflow_id: str = ""
    of_workflow: bool = False


@dataclass(frozen=True, slots=True)
class _Labels:
    """Metadata of all payloads of a place and key, also as associated data."""

    key_id: str
    tenant: str
    metadata: dict[str, bytes]
    associated: bytes


class EncryptingCodec(PayloadCodec, WithSerializationContext):
    """Encrypting codec. Immutable: ``with_context`` returns a copy bound to its namespace and workflow."""

    def __init__(
        self,
        keyring: KeyRing,
        *,
        tenant_of: Callable[[str], str | None],
        fallback_tenant: str,
        on_unauthenticated: OnUnauthenticated = OnUnauthenticated.RAISE,
        random_bytes: Callable[[int], bytes] = os.urandom,
        refused: Callable[[], None] = lambda: None,
    ) -> None:
        """Take the codec's parts.

        Args:
            keyring: data keys.
            tenant_of: the tenant named by a workflow ID, or None.
            fallback_tenant: its key serves workflows without a tenant, or with an unknown one.
            on_unauthenticated: see there.
            random_bytes: nonces.
            refused: called for each refused payload (a counter, say).
        """
        self._keyring = keyring
        self._tenant_of = tenant_of
        self._fallback_tenant = fallback_tenant
        self._on_unauthenticated = on_unauthenticated
        self._random_bytes = random_bytes
        self._refused = refused
        self._place = _PayloadPlace()
        self._tenant: str | None = None
        self._labels: _Labels | None = None
        self._derived: dict[tuple[str, str], AESGCM] = {}
        self._placed: OrderedDict[_PayloadPlace, EncryptingCodec] = OrderedDict()

    def with_context(self, context: SerializationContext) -> "EncryptingCodec":
        """Return the codec for payloads of one workflow, or of its activities. Cached: a run requests it many times."""
        if isinstance(context, WorkflowSerializationContext):
            place = _PayloadPlace(context.namespace, context.workflow_id, of_workflow=True)
        elif isinstance(context, ActivitySerializationContext):
            place = _PayloadPlace(context.namespace, context.workflow_id or "")
        else:
            return self
        known = self._placed.get(place)
        if known is None:
            known = object.__new__(EncryptingCodec)
            known.__dict__.update(self.__dict__)
            known._place = place
            known._tenant = self._tenant_of(place.workflow_id)
            known._labels = None
            self._placed[place] = known
            if len(self._placed) > _MAX_PLACES:
                self._placed.popitem(last=False)
        return known

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Encrypt payloads.

        Raises:
            KeyUnavailable: no key is available now.
        """
        key = await self._current_key()
        return [self._seal(payload, key) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Decrypt payloads.

        Raises:
            UnauthenticatedPayload: unless such payloads are read as null here.
            KeyUnavailable: the key exists, but the key store is unavailable.
        """
        return [await self._open_or_refuse(payload) for payload in payloads]

    async def _current_key(self) -> DataKey:
        if self._tenant is not None:
            try:
                return await self._keyring.current(self._tenant)
            except KeyUnavailable as error:
                if not error.gone:
                    raise
        return await self._keyring.current(self._fallback_tenant)

    def _seal(self, payload: Payload, key: DataKey) -> Payload:
        labels = self._labels
        if labels is None or labels.key_id != key.key_id or labels.tenant != key.tenant:
            labels = self._labels = _labels(key, self._place)
        nonce = self._random_bytes(_NONCE_BYTES)
        sealed = self._cipher(key).encrypt(nonce, payload.SerializeToString(), labels.associated)
        return Payload(metadata=labels.metadata, data=nonce + sealed)

    async def _open_or_refuse(self, payload: Payload) -> Payload:
        try:
            return await self._open(payload)
        except UnauthenticatedPayload:
            self._refused()
            if self._place.of_workflow and self._on_unauthenticated is OnUnauthenticated.READ_AS_NULL:
                return _NULL
            raise

    async def _open(self, payload: Payload) -> Payload:
        metadata = dict(payload.metadata)
        if metadata.get("encoding") != ENCODING:
            raise UnauthenticatedPayload("the payload is not encrypted")
        place = self._place
        if place.workflow_id and metadata.get("assay-workflow", b"") != place.workflow_id.encode():
            raise UnauthenticatedPayload("the payload belongs to another workflow")
        if place.namespace and metadata.get("assay-namespace", b"") != place.namespace.encode():
            raise UnauthenticatedPayload("the payload belongs to another namespace")
        if place.workflow_id and not self._writes(metadata.get("assay-tenant", b"")):
            raise UnauthenticatedPayload("the payload is encrypted with the key of a tenant that is not permitted here")
        try:
            key = await self._keyring.by_id(metadata["assay-tenant"].decode(), metadata["assay-key"].decode())
            nonce, sealed = payload.data[:_NONCE_BYTES], payload.data[_NONCE_BYTES:]
            known = self._labels
            associated = known.associated if known and known.metadata == metadata else _associated_data(metadata)
            plain = self._cipher(key).decrypt(nonce, sealed, associated)
        except KeyUnavailable as error:
            if not error.gone:
                raise
            raise UnauthenticatedPayload("the payload's key does not exist") from None
        except (InvalidTag, KeyError, UnicodeDecodeError, ValueError):
            raise UnauthenticatedPayload("the payload fails authentication") from None
        return Payload.FromString(plain)

    def _writes(self, tenant: bytes) -> bool:
        """Return True if the place's payloads may use that tenant's key: other places have keys of their own."""
        return tenant == self._fallback_tenant.encode() or (
            self._tenant is not None and tenant == self._tenant.encode()
        )

    def _cipher(self, key: DataKey) -> AESGCM:
        cache_key = (key.tenant, key.key_id)
        cipher = self._derived.get(cache_key)
        if cipher is None:
            if len(self._derived) >= _MAX_CIPHERS:
                self._derived.clear()
            cipher = self._derived[cache_key] = AESGCM(derive(key, PURPOSE))
        return cipher


_MAX_CIPHERS: Final = 1024
_MAX_PLACES: Final = 256


def _labels(key: DataKey, place: _PayloadPlace) -> _Labels:
    metadata = {
        "encoding": ENCODING,
        "assay-key": key.key_id.encode(),
        "assay-tenant": key.tenant.encode(),
        "assay-namespace": place.namespace.encode(),
        "assay-workflow": place.workflow_id.encode(),
    }
    return _Labels(key.key_id, key.tenant, metadata, _associated_data(metadata))


def _associated_data(metadata: dict[str, bytes]) -> bytes:
    """Return all metadata, length-prefixed, in the order of names."""
    parts = [PURPOSE.encode()]
    for name in sorted(metadata):
        parts += [name.encode(), metadata[name]]
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)
