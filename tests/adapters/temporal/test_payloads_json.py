"""Payloads as JSON by pydantic: the wire format of Temporal's own converter, and nothing of one run kept for others."""

from dataclasses import dataclass, field

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.converter import DefaultFailureConverterWithEncodedAttributes, DefaultPayloadConverter
from temporalio.exceptions import ApplicationError

from adapters.temporal.json_payloads import CompiledJsonConverter

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
        assert reads.from_payloads([payload], [Whole]) == [None]
        return
    assert reads.from_payloads([payload], [Whole]) == [value]


@pytest.mark.parametrize("value", [None, b"bytes", "text", 7, [1, "two"], {"k": [SECRET]}])
def test_what_is_no_dataclass_is_written_as_temporal_writes_it(value):
    converter = CompiledJsonConverter()
    [payload] = converter.to_payloads([value])
    assert [payload] == DefaultPayloadConverter().to_payloads([value])
    assert converter.from_payloads([payload]) == [value]


@pytest.mark.parametrize(
    "payload",
    [
        CompiledJsonConverter().to_payloads([Part(SECRET)])[0],
        Payload(metadata={"encoding": b"json/plain"}, data=b'{"text": "' + SECRET.encode()),
        Payload(metadata={"encoding": b"json/plain"}, data=b"\xff"),
        Payload(metadata={"encoding": b"json/protobuf", "messageType": b"no.such"}, data=b"{}"),
        Payload(metadata={"encoding": b"of another program"}, data=b"{}"),
        Payload(),
    ],
    ids=["another type", "cut short", "no UTF-8", "no known message", "unknown encoding", "nothing"],
)
def test_what_can_not_be_read_is_null_and_said_without_its_text(payload: Payload, capsys: pytest.CaptureFixture[str]):
    """An error would repeat a workflow's task until the run's end."""
    [whole] = CompiledJsonConverter().to_payloads([VALUE])
    read = CompiledJsonConverter().from_payloads([whole, payload, whole], [Whole, Whole, Whole])
    assert read == [VALUE, None, VALUE]
    said = capsys.readouterr().out
    assert "payload.unreadable" in said
    assert SECRET not in said


def test_a_failure_with_details_that_can_not_be_read_is_a_failure():
    converter = DefaultFailureConverterWithEncodedAttributes()
    failure = Failure()
    converter.to_failure(ApplicationError("m", "detail", type="prompt-blocked"), CompiledJsonConverter(), failure)
    failure.application_failure_info.details.payloads[0].data = b"{"
    failure.encoded_attributes.data = b"{"
    read = converter.from_failure(failure, CompiledJsonConverter())
    assert (type(read), read.type, read.details) == (ApplicationError, "prompt-blocked", (None,))


def test_no_string_of_a_payload_is_kept_for_the_next():
    [payload] = CompiledJsonConverter().to_payloads([Part(SECRET)])
    first, second = (CompiledJsonConverter().from_payloads([payload], [Part])[0] for _ in range(2))
    assert first == second
    assert first.text is not second.text
