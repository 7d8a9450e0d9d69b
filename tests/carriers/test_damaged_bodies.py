"""Damaged bodies of every client's format are read, or refused by a field: never a fault."""

import json
from types import SimpleNamespace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from api.wires.client_requests import parsed
from domain.inference.parsing import messages_of
from domain.refusals import Kind, Refusal
from tests.carriers.matrix import policy
from tests.carriers.wires import FORMATS, PNG

JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=4,
) | st.sampled_from(
    [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,!"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}},
        {"type": "input_image", "image_url": f"data:image/gif;base64,{PNG}"},
        {"type": "tool_result", "tool_use_id": "none", "content": "orphan"},
        {"type": "function_call_output", "call_id": "none", "output": "orphan"},
        {"role": "tool", "tool_call_id": "none", "content": "orphan"},
        {"type": "thinking", "thinking": 5},
        {"type": "web_search"},
    ]
)
INFERENCE: Any = SimpleNamespace(policy=SimpleNamespace(policy=policy(), hash="p"))


@st.composite
def damaged(draw: st.DrawFn) -> tuple[Any, Any]:
    """A format, and a body of it with another value, or none, at any depth."""
    form = draw(st.sampled_from(FORMATS))
    place = draw(st.sampled_from(sorted(form.places)))
    body = json.loads(json.dumps({**form.places[place]("fine"), **(form.streamed if draw(st.booleans()) else {})}))
    at: Any = body
    while True:
        steps = list(at) if isinstance(at, dict) else list(range(len(at)))
        if not steps:
            return form, body
        step = draw(st.sampled_from(steps))
        if isinstance(at[step], dict | list) and draw(st.booleans()):
            at = at[step]
            continue
        if draw(st.integers(0, 4)) == 0:
            del at[step]
        else:
            at[step] = draw(JUNK)
        return form, body


@settings(max_examples=300, deadline=None)
@given(damaged())
def test_a_damaged_body_is_read_or_refused_by_a_field(given_body: tuple[Any, Any]):
    form, body = given_body
    try:
        found = parsed(form.translate(body, INFERENCE), INFERENCE)
    except Refusal as refusal:
        if refusal.kind not in (Kind.INVALID_REQUEST, Kind.UNSUPPORTED_CONTENT, Kind.NOT_FOUND):
            raise
        return
    assert messages_of(found.body.sent) == found.body.request.messages
