"""The data converter that every client and worker of Assay uses: encrypted payloads, encrypted failures."""

from dataclasses import replace

from temporalio.converter import DataConverter, DefaultFailureConverterWithEncodedAttributes

from assay_temporal.codec import EncryptingCodec


def encrypted(codec: EncryptingCodec) -> DataConverter:
    """Temporal's default converter with ``codec``, and with failure messages and stack traces under it too."""
    return replace(
        DataConverter.default,
        payload_codec=codec,
        failure_converter_class=DefaultFailureConverterWithEncodedAttributes,
    )
