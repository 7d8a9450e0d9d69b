"""JSON payloads by pydantic's compiled reader and writer, in the format of Temporal's default converter.

Temporal's own reader looks up the type hints of every dataclass for every value; with the stages of a run that took a
tenth of the worker's time. Values that pydantic can't write (unpaired surrogates, say) use Temporal's own writer.
"""

from collections.abc import Sequence
from dataclasses import is_dataclass
from functools import lru_cache
from itertools import zip_longest
from typing import Any, Final

import structlog
from pydantic import TypeAdapter, ValidationError
from pydantic_core import CoreConfig, PydanticSerializationError, SchemaSerializer, SchemaValidator
from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    BinaryNullPayloadConverter,
    BinaryPlainPayloadConverter,
    BinaryProtoPayloadConverter,
    CompositePayloadConverter,
    JSONPlainPayloadConverter,
    JSONProtoPayloadConverter,
)

_log = structlog.get_logger()


_UNREADABLE = (KeyError, RuntimeError, TypeError, ValueError, ArithmeticError)


class PayloadMismatch(TypeError):
    """A payload has another type than expected. Names the type and never the value."""


@lru_cache(maxsize=128)
def _reader(wanted: type) -> SchemaValidator:
    """Disable pydantic's cache of strings: it would keep some 16,000 short ones of other runs, prompts among them."""
    return SchemaValidator(TypeAdapter(wanted).core_schema, CoreConfig(cache_strings="keys"))


@lru_cache(maxsize=128)
def _writer(given: type) -> SchemaSerializer:
    """Serialise by the type's schema, which omits fields with the values in their metadata (``exclude_if``)."""
    return SchemaSerializer(TypeAdapter(given).core_schema, CoreConfig(ser_json_inf_nan="constants"))


class _CompiledJson(JSONPlainPayloadConverter):
    def to_payload(self, value: Any) -> Payload | None:  # noqa: ANN401 - any value
        if not is_dataclass(value) or isinstance(value, type):
            return super().to_payload(value)
        try:
            data = _writer(type(value)).to_json(value, warnings="none")
        except (PydanticSerializationError, ValueError):
            return super().to_payload(value)
        return Payload(metadata={"encoding": b"json/plain"}, data=data)

    def from_payload(self, payload: Payload, type_hint: type | None = None) -> Any:  # noqa: ANN401 - any value
        if type_hint is None or not is_dataclass(type_hint):
            return super().from_payload(payload, type_hint)
        try:
            return _reader(type_hint).validate_json(payload.data)
        except ValidationError:
            raise PayloadMismatch(f"the payload is not a {type_hint.__name__}") from None


_CONVERTERS = (
    BinaryNullPayloadConverter(),
    BinaryPlainPayloadConverter(),
    JSONProtoPayloadConverter(),
    BinaryProtoPayloadConverter(),
    _CompiledJson(),
)
_BY_ENCODING: Final = CompositePayloadConverter(*_CONVERTERS).converters


class CompiledJsonConverter(CompositePayloadConverter):
    """Temporal's default converters in their order, JSON by pydantic. Created often, so instances share their parts.

    A value that can't be read is null, as it is for the codec where it fails authentication: an error in a workflow's
    task would repeat the task until the run's end, in an activity's it would end the attempt without a reason.
    """

    def __init__(self) -> None:
        """Take no arguments: Temporal creates it."""
        self.converters = _BY_ENCODING

    def from_payloads(self, payloads: Sequence[Payload], type_hints: list[type] | None = None) -> list[Any]:
        """See ``CompositePayloadConverter``. Unreadable values are None."""
        try:
            return super().from_payloads(payloads, type_hints)
        except _UNREADABLE:
            hints = type_hints or []
            return [self._or_null(payload, hint) for payload, hint in zip_longest(payloads, hints[: len(payloads)])]

    def _or_null(self, payload: Payload, hint: type | None) -> Any:  # noqa: ANN401 - any value
        try:
            return super().from_payloads([payload], None if hint is None else [hint])[0]
        except _UNREADABLE as error:
            _log.warning("payload.unreadable", wanted=getattr(hint, "__name__", None), error=type(error).__name__)
            return None
