"""Digests of stages' values, by their JSON: equal for a value and for its copy from a history."""

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Hashable
from dataclasses import asdict
from functools import lru_cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter
from pydantic_core import CoreConfig, PydanticSerializationError, SchemaSerializer, SchemaValidator

_BYTES = 24  # two values with one digest take 2^96 steps to find; histories have some fifty digests a run
Value = TypeVar("Value")


@lru_cache(maxsize=64)
def _writer(kind: Hashable) -> SchemaSerializer:
    return SchemaSerializer(
        TypeAdapter(cast("type[object]", kind)).core_schema, CoreConfig(ser_json_inf_nan="constants")
    )


@lru_cache(maxsize=64)
def _reader(kind: Hashable) -> SchemaValidator:
    """Disable pydantic's cache of strings, which would keep parts of prompts."""
    return SchemaValidator(TypeAdapter(cast("type[object]", kind)).core_schema, CoreConfig(cache_strings="keys"))


def digest(value: object) -> str:
    """Return 192 bits of SHA-256 over a dataclass's type name and JSON: 32 characters of base64url."""
    made = hashlib.sha256(type(value).__name__.encode() + b"\0")
    made.update(_json(value))
    return encoded(made.digest()[:_BYTES])


def as_recorded(value: Value) -> Value:
    """Return a dataclass as a history returns it: ``1`` in a field for ``1.0``, for example, is that."""
    try:
        read: Value = _reader(cast("Hashable", type(value))).validate_json(_json(value))
    except ValueError:  # pydantic does not read what it can't write
        return value
    return read


def _json(value: Any) -> bytes:  # noqa: ANN401 - any dataclass
    try:
        return _writer(cast("Hashable", type(value))).to_json(value, warnings="none")
    except (PydanticSerializationError, ValueError):  # an unpaired surrogate
        return json.dumps(asdict(value), sort_keys=True).encode()


def encoded(data: bytes) -> str:
    """Return base64url (RFC 4648 section 5) without padding."""
    return urlsafe_b64encode(data).decode().rstrip("=")
