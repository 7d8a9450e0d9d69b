"""Estimates of tokens: their error by script, and their least count."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.inference.content import Attachment, Message, Speaker, TextPart
from domain.inference.requests import bare_request
from domain.inference.token_estimates import (
    ATTACHMENT_TOKENS,
    CONVERSATION_OVERHEAD,
    MESSAGE_OVERHEAD,
    estimate_text_tokens,
    estimate_tokens,
    least_tokens,
)

COUNTED = {
    row.pop("name"): row
    for row in map(json.loads, Path(__file__).with_name("token_counts.jsonl").read_text("utf-8").splitlines())
}
"""Texts with their counts by five vocabularies.

They are o200k_base, cl100k_base, DeepSeek V4's, the first Qwen's and SmolLM2's. Most texts are of the first article of
the Universal Declaration of Human Rights.
"""


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("Hello", 1),
        ("Hello world", 2),
        ("internationalisation", 5),
        ("getUserById", 4),
        ("HTTP", 2),
        ("2024", 3),
        ("a+b", 3),
        ("\n\n", 1),
        ("a b", 2),
        ("a    b", 3),
        ("=" * 32, 2),
        ("━" * 32, 3),
        ("x" * 100, 55),
        ("aGVsbG8gd29ybGQgZ29vZA", 18),
        ("é", 2),
        ("你好", 2),
        ("😀", 2),
        ("\x00", 1),
        ("\ud800", 3),
    ],
)
def test_the_estimate_of_a_text_is_known(text: str, tokens: int):
    assert estimate_text_tokens(text) == tokens


@pytest.mark.parametrize("name", COUNTED)
def test_the_estimate_errs_by_no_more_than_is_stated(name: str):
    row = COUNTED[name]
    estimate = estimate_text_tokens(row["text"])
    for vocabulary in ("o200k", "deepseek"):
        assert 0.5 * estimate <= row[vocabulary] <= 1.6 * estimate, vocabulary
    for vocabulary in ("cl100k", "qwen", "smollm2"):
        assert 0.5 * estimate <= row[vocabulary] <= 4 * estimate, vocabulary


@pytest.mark.parametrize("name", COUNTED)
def test_a_text_has_the_least_count(name: str):
    row = COUNTED[name]
    least = least_tokens(bare_request(Message(Speaker.USER, row["text"])))
    assert least <= min(row["o200k"], row["deepseek"])
    assert least >= estimate_text_tokens(row["text"]) // 2 - 1


def test_a_conversation_counts_its_template():
    messages = [Message(Speaker.SYSTEM, "Hello"), Message(Speaker.USER, "Hello")]
    assert estimate_tokens(bare_request(*messages)) == CONVERSATION_OVERHEAD + 2 * (MESSAGE_OVERHEAD + 1)


def test_what_is_unread_counts_in_the_estimate_alone():
    picture = Message(Speaker.USER, (TextPart("Hello"), Attachment("0" * 64, "image/png")))
    assert estimate_tokens(bare_request(picture)) > ATTACHMENT_TOKENS
    assert least_tokens(bare_request(picture)) <= 1


@pytest.mark.parametrize(
    "text", ["a", "aB3", " ", "=", "=-", "1", "é", "你", "━", "\U0001f600", "\ud800", "aB3+" * 5 + " "]
)
def test_the_estimate_grows_with_the_text(text: str):
    once, twice = estimate_text_tokens(text * 1000), estimate_text_tokens(text * 2000)
    assert 0.98 * once - 2 <= twice - once <= 1.02 * once + 2


@given(st.text() | st.text(st.sampled_from("aZ 1.\n\x7f\xe9\u4f60\U0001f600\ud800\udc00")))
def test_every_character_beyond_letters_and_spaces_counts(text: str):
    assert estimate_text_tokens(text) >= (1 if text.strip(" ") else 0)
    assert estimate_text_tokens(text) <= 3 * len(text)
