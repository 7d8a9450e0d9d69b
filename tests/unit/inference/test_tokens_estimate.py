"""Estimates of tokens: stable, since workflows call them, and high rather than low."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.inference.content import Message, Speaker
from domain.inference.requests import bare_request
from domain.inference.token_estimates import (
    CONVERSATION_OVERHEAD,
    MESSAGE_OVERHEAD,
    estimate_text_tokens,
    estimate_tokens,
)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("Hello", 2),
        ("Hello world", 4),
        ("2024", 4),
        ("a+b", 3),
        ("\n\n", 2),
        ("a b", 2),
        ("a    b", 3),
        ("é", 2),
        ("你好", 6),
        ("😀", 4),
        ("\ud800", 3),
    ],
)
def test_the_estimate_of_a_text_is_known(text: str, tokens: int):
    assert estimate_text_tokens(text) == tokens


@pytest.mark.parametrize(
    ("text", "true_tokens"),
    [
        ("The quick brown fox jumps over the lazy dog.", 10),
        ('def f(x):\n    return {"a": [x**2 for x in range(10)]}\n' * 10, 240),
        ("0123456789" * 30, 300),
        ("你好，世界。" * 20, 220),
    ],
    ids=["prose", "code", "digits", "Chinese"],
)
def test_the_estimate_is_not_below_a_real_tokeniser(text: str, true_tokens: int):
    assert estimate_text_tokens(text) >= true_tokens


def test_a_conversation_counts_its_template():
    messages = [Message(Speaker.SYSTEM, "Hello"), Message(Speaker.USER, "Hello")]
    assert estimate_tokens(bare_request(*messages)) == CONVERSATION_OVERHEAD + 2 * (MESSAGE_OVERHEAD + 2)


_PIECES = re.compile(r"(?P<word>[A-Za-z]+)|(?P<space> +)|(?P<wide>[^\x00-\x7f]+)|(?P<single>[\x00-\x7f])", re.DOTALL)


def _by_pieces(text: str) -> int:
    """The definition, piece by piece."""
    tokens = 0
    for piece in _PIECES.finditer(text):
        length = piece.end() - piece.start()
        if piece.lastgroup == "word":
            tokens += -(-length // 3)
        elif piece.lastgroup == "wide":
            tokens += len(piece.group().encode("utf-8", "surrogatepass"))
        else:
            tokens += 1 if piece.lastgroup == "single" or length > 1 else 0
    return tokens


@given(st.text() | st.text(st.sampled_from("aZ 1.\n\x7f\xe9\u4f60\U0001f600\ud800\udc00")))
def test_the_estimate_is_that_of_the_pieces(text: str):
    assert estimate_text_tokens(text) == _by_pieces(text)
