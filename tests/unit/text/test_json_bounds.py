"""Bounds of JSON before it is parsed: nesting and values are counted outside of strings, in any spelling."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.text import strict_json
from domain.text.strict_json import MOST_DEPTH, MOST_VALUES, TooComplex, read_strictly, require_bounded

MARKS = st.text(alphabet='[]{},:"\\\n\tab\u20ac', max_size=12)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), MARKS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(MARKS, inner, max_size=4)),
    max_leaves=30,
)


def depth_of(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth_of, inner), default=0)


def values_of(value: Any) -> int:
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return 1 + sum(map(values_of, inner))


def refused(data: bytes) -> bool:
    try:
        require_bounded(data)
    except TooComplex:
        return True
    return False


@settings(max_examples=150, deadline=None)
@given(value=JSON, indent=st.sampled_from([None, 2]), escaped=st.booleans(), depth=st.integers(0, 4))
def test_nesting_is_that_of_the_parsed_value(value: Any, indent: int | None, escaped: bool, depth: int):
    data = json.dumps(value, indent=indent, ensure_ascii=escaped).encode()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(strict_json, "MOST_DEPTH", depth)
        assert refused(data) is (depth_of(value) > depth)


@settings(max_examples=150, deadline=None)
@given(value=JSON, most=st.integers(2, 12))
def test_no_value_too_many_passes(value: Any, most: int):
    """Empty lists and objects may count as one value more."""
    data = json.dumps(value).encode()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(strict_json, "MOST_VALUES", most)
        if values_of(value) > most:
            assert refused(data)
        elif 2 * values_of(value) < most:
            assert not refused(data)


def test_the_bounds_of_bodies():
    require_bounded(b"[" * MOST_DEPTH + b"]" * MOST_DEPTH)
    with pytest.raises(TooComplex):
        require_bounded(b"[" * (MOST_DEPTH + 1))
    with pytest.raises(TooComplex):
        require_bounded(b"[" + b"1," * MOST_VALUES + b"1]")
    with pytest.raises(TooComplex):
        require_bounded(b"[" + b'"" ' * (4 * MOST_VALUES))  # malformed, and of as many pieces


@pytest.mark.parametrize(
    "data", [b"", b'"', b'{"a', b"]]]][", b'["\\', b'[\\"[[[', b'"\\\\"[', b"\\" * 99, b"\xff\xfe[" + b"{" * 9]
)
def test_malformed_json_is_left_to_the_parser(data: bytes):
    require_bounded(data)
    with pytest.raises(ValueError, match=r".*"):
        read_strictly(data)


def test_code_in_a_string_has_no_nesting():
    require_bounded(json.dumps({"text": '"[{' * 50_000 + "\\"}).encode())
