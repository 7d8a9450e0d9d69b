"""The JSON Schema of a request says what its reader does: both come from one table."""

from collections.abc import Iterator
from typing import Any

import pytest

from domain.inference.parsing import BODY_FIELDS, MESSAGE_FIELDS, body_schemas, parse_request
from domain.refusals import Refusal
from tests.bad_requests import BAD_REQUESTS, GOOD, LIMITS

SCHEMAS = body_schemas()
MESSAGE = {"role": "user", "content": "Hello"}
CALL = {"type": "tool_call", "call_id": "c", "name": "search", "arguments": "{}"}
CALLED = [{"role": "assistant", "content": [CALL]}]
RESULT = {"role": "tool", "content": [{"type": "tool_result", "call_id": "c", "content": "42"}]}
ITEMS: dict[str, Any] = {
    "MessageBody": MESSAGE,
    "PartBody": {"type": "text", "text": "Hello"},
    "ToolBody": {"name": "search"},
    "string": "###",
}
_OF_TYPE: dict[str, Any] = {
    "string": "Hello",
    "array": [MESSAGE],
    "number": 0.5,
    "integer": 3,
    "object": {"a": "b"},
    "boolean": False,
}


def accepts(body: object) -> bool:
    try:
        parse_request(body, LIMITS)
    except Refusal:
        return False
    return True


def body_with(name: str, value: object) -> dict[str, Any]:
    given = {"model": "smollm2"} if name in ("prompt", "messages") else GOOD
    if name in ("tool_choice", "one_tool_call"):
        given = {**given, "tools": [ITEMS["ToolBody"]]}
    return {**given, name: value}


def edges(schema: dict[str, Any]) -> Iterator[tuple[Any, bool]]:
    """Values at the edges of a schema, and whether it takes them."""
    types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    for kind, value in _OF_TYPE.items():
        if kind not in types and ("number" not in types or kind != "integer") and "enum" not in schema:
            yield value, False
    yield None, False
    yield True, types == ["boolean"]
    for value in schema.get("enum", ()):
        yield value, True
        yield f"{value}s", False
    for value in schema.get("examples", ()):
        yield value, True
    if "minLength" in schema:
        yield "x" * schema["minLength"], True
        yield "x" * (schema["minLength"] - 1), False
    if "maxLength" in schema:
        yield "x" * schema["maxLength"], True
        yield "x" * (schema["maxLength"] + 1), False
    for bound, step in (("minimum", -1), ("maximum", 1)):
        if bound in schema:
            yield schema[bound], True
            yield schema[bound] + step, False
    yield from lists(schema)


def lists(schema: dict[str, Any]) -> Iterator[tuple[Any, bool]]:
    """Lists at the edges of a schema, and whether it takes them."""
    if "minItems" not in schema:
        return
    item = ITEMS[str(schema["items"].get("$ref", schema["items"].get("type"))).rpartition("/")[2]]
    yield [item] * schema["minItems"], True
    yield [item] * (schema["minItems"] - 1), False
    for more, good in ((0, True), (1, False)) if "maxItems" in schema else ():
        yield [{"name": f"t{n}"} if isinstance(item, dict) else item for n in range(schema["maxItems"] + more)], good


@pytest.mark.parametrize("name", BODY_FIELDS)
def test_the_schema_of_a_field_says_what_its_reader_does(name: str):
    found = list(edges(SCHEMAS["InferenceBody"]["properties"][name]))
    assert found
    assert [(value, accepts(body_with(name, value))) for value, _ in found] == found


@pytest.mark.parametrize("name", MESSAGE_FIELDS)
def test_the_schema_of_a_messages_field_says_what_its_reader_does(name: str):
    found = list(edges(SCHEMAS["MessageBody"]["properties"][name]))
    others = [] if name == "kind" else [MESSAGE]  # a message of the user there has to be
    made = [
        (value, [*CALLED, {**MESSAGE, **(RESULT if value == "tool" else {name: value})}, *others]) for value, _ in found
    ]
    assert [(value, accepts(body_with("messages", messages))) for value, messages in made] == found


def test_a_schema_that_said_something_else_would_be_noticed():
    wider = {**SCHEMAS["InferenceBody"]["properties"]["temperature"], "maximum": 3}
    assert any(accepts(body_with("temperature", value)) is not wanted for value, wanted in edges(wider))


def test_required_fields_and_no_others_can_not_be_left_out():
    message, body = SCHEMAS["MessageBody"], SCHEMAS["InferenceBody"]
    for name in message["required"]:
        assert not accepts(body_with("messages", [{key: MESSAGE[key] for key in MESSAGE if key != name}]))
    assert not accepts({"prompt": "Hello"})
    assert body["required"] == ["model"]
    assert [one["required"] for one in body["oneOf"]] == [["prompt"], ["messages"]]
    assert {schema["additionalProperties"] for schema in (message, body)} == {False}


@pytest.mark.parametrize("number", [10**400, -(10**400)])
def test_a_number_beyond_all_floats_is_refused(number: int):
    with pytest.raises(Refusal) as refused:
        parse_request({**GOOD, "temperature": number}, LIMITS)
    assert refused.value.field == "temperature"


def test_every_field_has_a_bad_example():
    named = {field.rpartition(".")[2] for *_, field in BAD_REQUESTS}
    assert named >= {*BODY_FIELDS, *MESSAGE_FIELDS}
