"""Large payloads outside Temporal's histories (the claim check): histories have references, a store ciphertext.

From a size on, Temporal passes the codec's output to a driver, and the driver's content back to the codec.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Final, Self, cast

from temporalio import activity
from temporalio.api.common.v1 import Payload
from temporalio.api.sdk.v1.external_storage_pb2 import ExternalStorageReference
from temporalio.converter import (
    ActivitySerializationContext,
    DataConverter,
    ExternalStorage,
    SerializationContext,
    StorageDriver,
    StorageDriverSelectContext,
    StorageDriverStoreContext,
    WithSerializationContext,
)
from temporalio.exceptions import ApplicationError

from adapters.postgres.errors import unavailable
from assay_temporal.codec import ENCODING
from assay_temporal.data_converter import EncryptedDataConverter

_MARKER: Final = "__temporal_external_storage_reference"


class _Storage(ExternalStorage, WithSerializationContext):
    """Temporal's storage with two differences.

    Arguments of local activities stay inline: they never leave the process, while each copy in the store would remain
    there for days. And for Temporal, a malformed reference is an error that fails a workflow's task for ever: here it
    counts as a payload in plaintext, which the codec refuses by name.
    """

    def with_context(self, context: SerializationContext) -> Self:
        """Return the storage for payloads of a workflow or an activity."""
        if not (isinstance(context, ActivitySerializationContext) and context.is_local):
            return self
        local: Self | None = self.__dict__.get("_local")
        if local is None:
            local = self.__dict__["_local"] = replace(self, driver_selector=self._in_activities)
        return local

    def _in_activities(self, context: StorageDriverSelectContext, payload: Payload) -> StorageDriver | None:
        """Return the driver for results of a local activity, and none for its arguments."""
        return self.drivers[0] if activity.in_activity() and context.target is not None else None

    def _decode_reference(self, payload: Payload) -> ExternalStorageReference | None:
        try:
            reference = super()._decode_reference(payload)
        except Exception:  # noqa: BLE001 - any error of its parser on untrusted bytes
            return None
        ours = reference is not None and any(reference.driver_name == driver.name() for driver in self.drivers)
        return reference if ours else None


@dataclass(frozen=True)
class _Converter(EncryptedDataConverter):
    """Resolves references in payloads, after a quick check for any.

    Temporal binds its storage to a context, a copy each time, for every payload, large or not. And it copies a returned
    list into the original one: so payloads without a reference are returned as the same list.
    """

    def _with_store_context(self, store_ctx: StorageDriverStoreContext) -> Self:
        clone = object.__new__(type(self))
        clone.__dict__.update(self.__dict__, _place=store_ctx)
        clone.__dict__.pop("_kept", None)  # those have no context
        return clone

    async def _external_store_payload_sequence(self, payloads: Sequence[Payload]) -> list[Payload]:
        storage = self.external_storage
        if storage is None or not _any_of_size(payloads, storage.payload_size_threshold):
            return _as_they_came(payloads)
        place = self.__dict__.get("_place", StorageDriverStoreContext(target=None))
        return await storage._with_store_context(place)._store_payload_sequence(payloads)  # noqa: SLF001

    async def _external_retrieve_payload_sequence(self, payloads: Sequence[Payload]) -> list[Payload]:
        if not _any_may_refer(payloads):
            return _as_they_came(payloads)
        return await super()._external_retrieve_payload_sequence(payloads)

    async def _encode_reference_payload_sequence(self, payloads: Sequence[Payload]) -> list[Payload]:
        if not _any_may_refer(payloads):
            return _as_they_came(payloads)
        return await super()._encode_reference_payload_sequence(payloads)

    async def _decode_reference_payload_sequence(self, payloads: Sequence[Payload]) -> list[Payload]:
        if not _any_may_refer(payloads):
            return _as_they_came(payloads)
        try:
            return await super()._decode_reference_payload_sequence(payloads)
        except RuntimeError:
            return list(payloads)


def _any_may_refer(payloads: Sequence[Payload]) -> bool:
    """Return True if any payload is something else than one encrypted inline by Assay's codec.

    Usually it is one payload, and four calls each: a generator would take longer than the check.
    """
    for payload in payloads:
        metadata = payload.metadata
        if metadata.get("encoding") != ENCODING or payload.external_payloads or _MARKER in metadata:
            return True
    return False


def _any_of_size(payloads: Sequence[Payload], size: int) -> bool:
    for payload in payloads:  # noqa: SIM110 - as above
        if payload.ByteSize() >= size:
            return True
    return False


def _as_they_came(payloads: Sequence[Payload]) -> list[Payload]:
    return cast("list[Payload]", payloads)  # or protobuf's own list type, as passed by the caller


def with_external_storage(converter: DataConverter, driver: StorageDriver, threshold: int) -> DataConverter:
    """Return ``converter`` with payloads of ``threshold`` bytes or more (encrypted) in the driver's store.

    Everything that reads such histories needs the driver: clients, workers, replayers and a codec server.
    """
    storage = _Storage(
        drivers=[driver],
        driver_selector=lambda context, _: driver if context.target is not None else None,
        payload_size_threshold=threshold,
    )
    given = {field.name: getattr(converter, field.name) for field in fields(converter) if field.init}
    return _Converter(**{**given, "external_storage": storage})


async def resolve(driver: StorageDriver, payloads: Sequence[Payload]) -> list[Payload]:
    """Replace the driver's references in ``payloads`` by their content, still encrypted: for a codec server.

    Raises:
        Refusal: STORE_UNAVAILABLE.
    """
    try:
        return await _Storage(drivers=[driver])._retrieve_payload_sequence(payloads)  # noqa: SLF001
    except ApplicationError:
        raise unavailable() from None
