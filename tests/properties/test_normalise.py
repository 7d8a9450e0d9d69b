"""Invariants of the normalised view of every text."""

from random import Random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from benchmarks.screening.obfuscate import TECHNIQUES, VARIANTS
from domain.text.normalise.pipeline import normalise
from tests.properties.test_texts import PHRASES, TEXTS

SIGNS = st.text(alphabet=st.sampled_from("a1!@ .-_%&#;x\\u0041=+/\n\u202e\u202c\u200b\U000e0041\ufe01"), max_size=60)
DISGUISES = st.sampled_from([*TECHNIQUES.values(), *VARIANTS.values()])
WORDS = st.lists(st.sampled_from([*PHRASES, "the", "cat", "sat", "1234", "x2", "Ünder"]), max_size=20).map(" ".join)


@st.composite
def _disguised(draw: st.DrawFn) -> str:
    parts = draw(st.lists(st.one_of(WORDS, SIGNS, TEXTS), max_size=3))
    random = Random(draw(st.integers(0, 9)))  # noqa: S311 - no secret
    disguised = [draw(DISGUISES)(part, random) if draw(st.booleans()) else part for part in parts]
    text = draw(st.sampled_from(["", " ", "\n"])).join(disguised)
    return draw(DISGUISES)(text, random) if draw(st.integers(0, 5)) == 0 else text


ANY = st.one_of(TEXTS, SIGNS, WORDS, _disguised())


@settings(max_examples=800, deadline=None)
@given(ANY)
@example("\ud800\udc00")
@example("\U000e007f\U000e0001")
@example("\u202e\u202e\u202d\u202c")
def test_a_complete_view_normalises_to_itself(text: str):
    normalised = normalise(text)
    if normalised.complete:
        assert normalise(normalised.view.text).view.text == normalised.view.text


@settings(max_examples=400, deadline=None)
@given(ANY)
@example(f"{'Q' * 41}\r\nRA0KQ00")
def test_places_lie_in_the_original(text: str):
    normalised = normalise(text)
    view = normalised.view
    for at in range(len(view.text)):
        start, end = view.span(at, at + 1)
        assert 0 <= start < end <= len(text)
    for technique in normalised.techniques:
        assert 0 <= technique.start < technique.end <= len(text)


@settings(max_examples=400, deadline=None)
@given(ANY)
def test_the_view_is_no_longer_than_the_text_by_more_than_its_characters_stand_for(text: str):
    assert len(normalise(text).view.text) <= 18 * len(text) + 2  # U+FDFA stands for 18 characters
