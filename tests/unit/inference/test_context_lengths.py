"""Context lengths: what is certainly too long is refused, with numbers; a fallback that is too short is not asked."""

from dataclasses import replace

import pytest

from domain.inference.content import Message, Speaker
from domain.inference.context_lengths import fits, fitting, require_fit
from domain.inference.models import ModelEntry
from domain.inference.requests import InferenceRequest
from domain.refusals import Kind, Refusal

ENTRY = ModelEntry("small", "p", "u", "http://127.0.0.1/v1", "k", 2048, 0.0, 0.0)
MODELS = {"small": ENTRY, "large": replace(ENTRY, context_tokens=128_000), "tiny": replace(ENTRY, context_tokens=64)}


def request_of(text: str, max_tokens: int = 100) -> InferenceRequest:
    return InferenceRequest("small", (Message(Speaker.USER, text),), 0.7, max_tokens)


@pytest.mark.parametrize(
    ("text", "context", "fit"),
    [
        ("word " * 1000, 2048, True),
        ("word " * 3000, 2048, True),  # 3,000 tokens by estimate, of which an error of the estimate may be a third
        ("word " * 4000, 2048, False),
        ("word " * 4000, 4096, True),
        ("これはとても長い文章です。" * 500, 2048, False),
        ("Это очень длинный текст. " * 500, 2048, False),
        ("Hello", 99, False),
        ("Hello", 110, True),
    ],
)
def test_only_what_is_certainly_too_long_does_not_fit(text: str, context: int, fit: bool):
    assert fits(request_of(text), context) is fit


def test_the_answer_that_is_asked_for_counts():
    assert fits(request_of("Hello", 2000), 2048)
    assert not fits(request_of("Hello", 2049), 2048)


def test_a_refusal_says_how_much_and_how_many():
    with pytest.raises(Refusal) as refused:
        require_fit(request_of("word " * 4000), 2048, "prompt")
    assert (refused.value.kind, refused.value.field) == (Kind.CONTEXT_EXCEEDED, "prompt")
    assert refused.value.detail == (
        "about 4032 tokens, at least 2200 by the estimate, and the 100 of max_tokens exceed the 2048 of the model's "
        "context"
    )


def test_what_fits_is_not_refused():
    require_fit(request_of("word " * 4000), 4096)


def test_a_fallback_that_is_too_short_is_left_out():
    assert fitting(request_of("Hello"), ["large", "tiny", "small"], MODELS) == ("large", "small")
    assert fitting(request_of("word " * 4000), ["small", "large"], MODELS) == ("large",)
