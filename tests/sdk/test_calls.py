"""The SDK's calls are of the form that Assay reads: held against the one table of a request's fields."""

from dataclasses import fields
from typing import get_args, get_type_hints

from assay_temporal.contracts import Answer, Place
from assay_temporal.inference import ChatMessage, InferenceCall
from domain.inference.parsing import BODY_FIELDS, MESSAGE_FIELDS, body_schemas
from domain.screening.verdicts import MatchedSpan

OWN_FIELDS = {"ignored"}
"""Fields that Assay's translators alone set."""


def test_a_call_has_the_fields_of_a_body_and_a_message_those_of_a_message():
    assert [field.name for field in fields(InferenceCall)] == [name for name in BODY_FIELDS if name not in OWN_FIELDS]
    assert [field.name for field in fields(ChatMessage)] == list(MESSAGE_FIELDS)


def test_the_words_of_a_message_are_those_of_its_schema():
    hints = get_type_hints(ChatMessage)
    properties = body_schemas()["MessageBody"]["properties"]
    assert list(get_args(hints["role"])) == properties["role"]["enum"]
    [kinds] = [found for found in get_args(hints["kind"]) if found is not type(None)]
    assert list(get_args(kinds)) == properties["kind"]["enum"]


def test_a_place_is_made_of_what_the_screening_knows_of_one():
    assert [field.name for field in fields(Place)] == [field.name for field in fields(MatchedSpan)]


def test_an_answer_of_text_is_written_without_parts():
    from adapters.temporal.json_payloads import CompiledJsonConverter

    [plain] = CompiledJsonConverter().to_payloads([Answer("Hi", "m", "stop")])
    assert plain.data == b'{"content":"Hi","model":"m","finish_reason":"stop"}'
    parts = ({"type": "refusal", "text": "no"},)
    [more] = CompiledJsonConverter().to_payloads([Answer("no", "m", "stop", parts)])
    assert CompiledJsonConverter().from_payloads([more], [Answer]) == [Answer("no", "m", "stop", parts)]
