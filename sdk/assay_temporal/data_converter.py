"""Data converter of every client and worker: encrypted payloads, encrypted failures."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Self

from temporalio.api.failure.v1 import Failure
from temporalio.converter import (
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    PayloadConverter,
    SerializationContext,
    WithSerializationContext,
)
from temporalio.exceptions import ApplicationError

from assay_temporal.codec import EncryptingCodec
from assay_temporal.headers import PlacingCodec

_MAX_PLACES = 256


@dataclass(frozen=True)
class EncryptedDataConverter(DataConverter):
    """A converter in which only the codec depends on the payload's place.

    Temporal requests one for each payload's place, several times per run for the same. By default it builds all
    converters each time; here all but the codec is shared, and those of the newest places are cached.
    """

    def with_context(self, context: SerializationContext) -> Self:
        """Return the converter for payloads of ``context``."""
        codec = self.payload_codec
        if not isinstance(codec, EncryptingCodec | PlacingCodec):
            return super().with_context(context)
        kept: OrderedDict[SerializationContext, Self] = self.__dict__.setdefault("_kept", OrderedDict())
        known = kept.get(context)
        if known is not None:
            return known
        clone = object.__new__(type(self))
        clone.__dict__.update(self.__dict__)
        del clone.__dict__["_kept"]
        clone.__dict__["payload_codec"] = codec.with_context(context)
        storage: object = self.external_storage
        if isinstance(storage, WithSerializationContext):
            clone.__dict__["external_storage"] = storage.with_context(context)
        kept[context] = clone
        if len(kept) > _MAX_PLACES:
            kept.popitem(last=False)
        return clone


class TolerantFailureConverter(DefaultFailureConverterWithEncodedAttributes):
    """Temporal's converter with encoded attributes, which reads any failure.

    Whoever can answer for an activity can report one with values that Temporal's converter does not know. An error
    would repeat the workflow's task until the run's end.
    """

    def from_failure(self, failure: Failure, payload_converter: PayloadConverter) -> BaseException:
        """See ``FailureConverter``. An unreadable failure becomes a final one without a type."""
        try:
            return super().from_failure(failure, payload_converter)
        except (ArithmeticError, AttributeError, LookupError, RuntimeError, TypeError, ValueError):
            return ApplicationError("the failure can't be read", non_retryable=True)


def encrypted(
    codec: EncryptingCodec | PlacingCodec,
    payload_converter_class: type[PayloadConverter] = DataConverter.default.payload_converter_class,
) -> DataConverter:
    """Return Temporal's default converter with ``codec``, also for failure messages and stack traces."""
    return EncryptedDataConverter(
        payload_converter_class=payload_converter_class,
        payload_codec=codec,
        failure_converter_class=TolerantFailureConverter,
    )
