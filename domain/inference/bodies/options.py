"""Options of an answer beyond its length and sampling: hints, identifiers, and names of dropped fields."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from domain.inference.bodies.values import FLAG, BodyField, choice_of, object_schema, read_members, text_of, wrong
from domain.inference.requests import (
    Effort,
    Reasoning,
    ReasoningMode,
    ReasoningSummary,
    RequestLimits,
    Verbosity,
)

MAX_IGNORED: Final = 64
MAX_IDENTIFIER_CHARS: Final = 2048
MAX_TOP_K: Final = 1_000
_MAX_BUDGET: Final = 1_000_000
_MAX_BIASES: Final = 1_024
_MOST_BIAS: Final = 100
_MOST_PENALTY: Final = 2
_TOKEN_ID: Final = re.compile(r"[0-9]{1,9}\Z")
_IGNORED: Final = re.compile(r"[A-Za-z0-9_.:*-]{1,128}\Z")


def _whole(most: int) -> BodyField:
    def read(value: object, field: str, _: RequestLimits) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            raise wrong(field, f"must be a whole number from 1 to {most}")
        return value

    return BodyField(read, {"type": "integer", "minimum": 1, "maximum": most})


def _signed(value: object, field: str, most: int) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -most <= value <= most:
        raise wrong(field, f"must be a number from -{most} to {most}")
    return float(value)


def _penalty(value: object, field: str, _: RequestLimits) -> float:
    return _signed(value, field, _MOST_PENALTY)


def _biases(value: object, field: str, _: RequestLimits) -> tuple[tuple[str, float], ...]:
    if not isinstance(value, Mapping) or len(value) > _MAX_BIASES:
        raise wrong(field, f"must be an object of at most {_MAX_BIASES} numbers")
    if not all(isinstance(token, str) and _TOKEN_ID.match(token) for token in value):
        raise wrong(field, "must have IDs of tokens as names")
    return tuple(sorted((token, _signed(bias, f"{field}.*", _MOST_BIAS)) for token, bias in value.items()))


def _member_of(kinds: type[Effort | ReasoningMode | ReasoningSummary | Verbosity]) -> BodyField:
    one = choice_of(*kinds)
    return BodyField(lambda value, field, limits: kinds(one.read(value, field, limits)), one.schema)


_REASONING: Final = MappingProxyType(
    {
        "effort": (_member_of(Effort), False),
        "mode": (_member_of(ReasoningMode), False),
        "budget_tokens": (_whole(_MAX_BUDGET), False),
        "summary": (_member_of(ReasoningSummary), False),
        "sealed": (FLAG, False),
    }
)


def _reasoning(value: object, field: str, limits: RequestLimits) -> Reasoning:
    if not isinstance(value, Mapping):
        raise wrong(field, "must be an object")
    return Reasoning(**read_members(value, _REASONING, field, limits))


def _identifier(value: object, field: str, _: RequestLimits) -> str:
    identifier = text_of(value, field)
    if not 1 <= len(identifier) <= MAX_IDENTIFIER_CHARS:
        raise wrong(field, f"must have 1 to {MAX_IDENTIFIER_CHARS} characters")
    return identifier


def _ignored(value: object, field: str, _: RequestLimits) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or len(value) > MAX_IGNORED:
        raise wrong(field, f"must be a list of at most {MAX_IGNORED} names")
    if not all(isinstance(name, str) and _IGNORED.match(name) for name in value):
        raise wrong(field, "must be a list of short plain names")
    return tuple(value)


def _field(read: Callable[[object, str, RequestLimits], Any], schema: Mapping[str, Any], about: str) -> BodyField:
    return BodyField(read, {**schema, "description": about})


_NUMBER: Final = MappingProxyType({"type": "number", "minimum": -_MOST_PENALTY, "maximum": _MOST_PENALTY})
_HINT: Final = "A hint, for models that the policy says accept it."
OPTION_FIELDS: Final[Mapping[str, BodyField]] = MappingProxyType(
    {
        "top_k": _whole(MAX_TOP_K),
        "frequency_penalty": _field(_penalty, _NUMBER, _HINT),
        "presence_penalty": _field(_penalty, _NUMBER, _HINT),
        "logit_bias": _field(_biases, {"type": "object", "additionalProperties": {"type": "number"}}, _HINT),
        "reasoning": _field(_reasoning, object_schema(_REASONING), _HINT),
        "verbosity": _field(_member_of(Verbosity).read, {"type": "string", "enum": list(Verbosity)}, _HINT),
        "end_user": _field(
            _identifier,
            {"type": "string", "maxLength": MAX_IDENTIFIER_CHARS},
            "The caller's identifier of its user. Providers receive a keyed hash, where the policy says so.",
        ),
        "cache_key": _field(
            _identifier,
            {"type": "string", "maxLength": MAX_IDENTIFIER_CHARS},
            "A name of prompts with a common beginning. Providers receive a hash bound to the tenant.",
        ),
        "ignored": _field(
            _ignored,
            {"type": "array", "items": {"type": "string"}, "maxItems": MAX_IGNORED},
            "Names of fields of another format that a translator dropped, for the record. Only Assay sets it.",
        ),
    }
)
"""Fields of a body with options, by name."""
