"""Reading a request: what is refused and by which field, and what is made of what is left out."""

import json
from typing import Any

import pytest

from domain.inference.content import Message, Speaker, TextKind
from domain.inference.parsing import messages_of, parse_request, request_hash
from domain.inference.requests import InferenceRequest
from domain.policy.document import Policy
from domain.refusals import Kind, Refusal
from tests.bad_requests import BAD_REQUESTS, GOOD, LIMITS, UNSPEAKABLE


@pytest.mark.parametrize(
    ("body", "kind", "field"),
    [row[1:] for row in BAD_REQUESTS + UNSPEAKABLE],
    ids=[r[0] for r in BAD_REQUESTS + UNSPEAKABLE],
)
def test_a_bad_request_is_refused_by_its_field(body: Any, kind: Kind, field: str):
    with pytest.raises(Refusal) as refused:
        parse_request(body, LIMITS)
    assert (refused.value.kind, refused.value.field) == (kind, field)


@pytest.mark.parametrize("body", [row[1] for row in BAD_REQUESTS], ids=[row[0] for row in BAD_REQUESTS])
def test_the_table_can_be_sent_as_json(body: Any):
    assert json.loads(json.dumps(body, allow_nan=False)) == body


def test_the_table_knows_the_limits_that_are_shipped(policy: Policy):
    assert policy.limits == LIMITS


def test_what_is_left_out_comes_from_the_policy():
    assert parse_request(GOOD, LIMITS) == InferenceRequest(
        model="smollm2", messages=(Message(Speaker.USER, "Hello"),), temperature=0.7, max_tokens=256
    )


@pytest.mark.parametrize(
    ("changed", "attribute", "value"),
    [
        ({"temperature": 0}, "temperature", 0.0),
        ({"temperature": 2}, "temperature", 2.0),
        ({"max_tokens": 1}, "max_tokens", 1),
        ({"max_tokens": 64_000}, "max_tokens", 64_000),
        ({"metadata": {"b": "2", "a": "1"}}, "metadata", (("a", "1"), ("b", "2"))),
        ({"prompt": "x" * 1_000_000}, "messages", (Message(Speaker.USER, "x" * 1_000_000),)),
    ],
)
def test_the_edges_of_the_limits_are_inside(changed: dict[str, Any], attribute: str, value: object):
    assert getattr(parse_request({**GOOD, **changed}, LIMITS), attribute) == value


def test_a_conversation_keeps_its_order_and_its_spaces():
    messages = [
        {"role": "system", "content": " Be kind. "},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Hi"},
        {"role": "user", "content": "Bye\n"},
    ]
    read = parse_request({"model": "smollm2", "messages": messages}, LIMITS).messages
    assert [(message.role.value, message.content) for message in read] == [(m["role"], m["content"]) for m in messages]


def test_a_message_is_of_the_kind_that_it_says_or_that_goes_with_its_role():
    body = {
        "model": "smollm2",
        "messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "Summarise this.", "kind": "prompt"},
            {"role": "user", "content": "A page.", "kind": "document"},
            {"role": "user", "content": "{}", "kind": "tool_output"},
            {"role": "assistant", "content": "Hi"},
            {"role": "user", "content": "Go on."},
        ],
    }
    read = parse_request(body, LIMITS).messages
    assert [message.text_kind for message in read] == [
        TextKind.SYSTEM,
        TextKind.PROMPT,
        TextKind.DOCUMENT,
        TextKind.TOOL_OUTPUT,
        TextKind.PROMPT,
        TextKind.PROMPT,
    ]
    assert messages_of(body) == read


def test_another_kind_is_another_request():
    message = {"role": "user", "content": "A page."}
    plain, document = ({"messages": [message]}, {"messages": [{**message, "kind": "document"}]})
    assert request_hash(plain) != request_hash(document)


@pytest.mark.parametrize("secret", ["hunter2-hunter2", "assay_c2VjcmV0"])
def test_a_refusal_never_repeats_the_value_at_fault(secret: str):
    for body in ({**GOOD, "temperature": secret}, {**GOOD, f"{secret} x": 1}, {**GOOD, "model": secret * 9}):
        with pytest.raises(Refusal) as refused:
            parse_request(body, LIMITS)
        assert secret not in str(refused.value)


def test_the_hash_is_of_the_canonical_form():
    same = request_hash({"prompt": "Grüße", "model": "smollm2"})
    assert same == request_hash({"model": "smollm2", "prompt": "Grüße"})
    assert same == "0fc4da8eae20d63c5dcc28f939c9c5159957dfbefe91739a5ad6b814eac53132"
    assert same != request_hash({"model": "smollm2", "prompt": "Grüsse"})


@pytest.mark.parametrize(
    "body",
    [{"a": float("nan")}, {"a": {1, 2}}, {"a": "\ud800"}, object()],
    ids=["no number", "a set", "a surrogate", "an object"],
)
def test_what_is_no_json_has_no_hash(body: object):
    with pytest.raises(Refusal) as refused:
        request_hash(body)
    assert refused.value.kind is Kind.INVALID_REQUEST
