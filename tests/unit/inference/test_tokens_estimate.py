"""Estimates of tokens: stable, since workflows call them, and high rather than low."""

import pytest

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
