"""Payloads as JSON by pydantic: the wire format of Temporal's own converter, and nothing of one run kept for others."""

from dataclasses import dataclass, field

import pytest
from temporalio.converter import DefaultPayloadConverter

from adapters.temporal.json_payloads import CompiledJsonConverter, PayloadMismatch

SECRET = "canary-4111-1111"


@dataclass(frozen=True)
class Part:
    text: str
    spans: list[tuple[int, int]] = field(default_factory=list)


@dataclass(frozen=True)
class Whole:
    name: str
    count: int
    share: float
    parts: list[Part]
    facts: dict[str, str | None]
    last: Part | None = None


VALUE = Whole("prüfen 检测 \U0001f600", 3, 0.5, [Part(SECRET, [(0, 3)]), Part("")], {"a": "b", "c": None}, Part("x"))
ODD = Whole("\ud800 alone", 0, 0.0, [], {})  # no UTF-8: Temporal's own writer takes it


@pytest.mark.parametrize("value", [VALUE, ODD])
@pytest.mark.parametrize("writes", [CompiledJsonConverter(), DefaultPayloadConverter()])
@pytest.mark.parametrize("reads", [CompiledJsonConverter(), DefaultPayloadConverter()])
def test_it_and_temporals_own_read_what_the_other_wrote(writes, reads, value: Whole):
    [payload] = writes.to_payloads([value])
    assert payload.metadata["encoding"] == b"json/plain"
    if value is ODD and isinstance(reads, CompiledJsonConverter):
        with pytest.raises(PayloadMismatch):
            reads.from_payloads([payload], [Whole])
        return
    assert reads.from_payloads([payload], [Whole]) == [value]


@pytest.mark.parametrize("value", [None, b"bytes", "text", 7, [1, "two"], {"k": [SECRET]}])
def test_what_is_no_dataclass_is_written_as_temporal_writes_it(value):
    converter = CompiledJsonConverter()
    [payload] = converter.to_payloads([value])
    assert [payload] == DefaultPayloadConverter().to_payloads([value])
    assert converter.from_payloads([payload]) == [value]


def test_a_payload_of_another_type_is_refused_by_the_types_name_alone():
    [payload] = CompiledJsonConverter().to_payloads([Part(SECRET)])
    with pytest.raises(PayloadMismatch, match="the payload is not a Whole") as refused:
        CompiledJsonConverter().from_payloads([payload], [Whole])
    assert SECRET not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


def test_no_string_of_a_payload_is_kept_for_the_next():
    [payload] = CompiledJsonConverter().to_payloads([Part(SECRET)])
    first, second = (CompiledJsonConverter().from_payloads([payload], [Part])[0] for _ in range(2))
    assert first == second
    assert first.text is not second.text
