"""The data converter that every client and worker of Assay uses: encrypted payloads, encrypted failures."""

from dataclasses import dataclass
from typing import Self

from temporalio.converter import (
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    PayloadConverter,
    SerializationContext,
    WithSerializationContext,
)

from assay_temporal.codec import EncryptingCodec


@dataclass(frozen=True)
class EncryptedDataConverter(DataConverter):
    """A converter of which only the codec knows where a payload belongs.

    Temporal makes one for each payload's place. Its own way builds all converters anew each time; here all but the
    codec is shared.
    """

    def with_context(self, context: SerializationContext) -> Self:
        """The converter for payloads of ``context``."""
        codec = self.payload_codec
        if not isinstance(codec, EncryptingCodec):
            return super().with_context(context)
        clone = object.__new__(type(self))
        clone.__dict__.update(self.__dict__)
        clone.__dict__["payload_codec"] = codec.with_context(context)
        storage: object = self.external_storage
        if isinstance(storage, WithSerializationContext):
            clone.__dict__["external_storage"] = storage.with_context(context)
        return clone


def encrypted(
    codec: EncryptingCodec,
    payload_converter_class: type[PayloadConverter] = DataConverter.default.payload_converter_class,
) -> DataConverter:
    """Temporal's default converter with ``codec``, and with failure messages and stack traces under it too."""
    return EncryptedDataConverter(
        payload_converter_class=payload_converter_class,
        payload_codec=codec,
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )
