"""Invariants of every text: sanitising and screening are total, and say where things are."""

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.answers.screen import screen_output
from domain.inference.content import Message, Speaker
from domain.inference.requests import bare_request
from domain.policy.document import Policy
from domain.screening.screen import screen
from domain.text.compatibility import compatibility_view
from domain.text.hidden_characters import HIDDEN, find_hidden
from domain.text.normalise.fold import fold
from domain.text.sanitise import SanitisedText, SanitisePolicy, sanitise
from domain.text.view import View
from tests.detectors import DETECTORS
from tests.unit.text.writing import WRITING

TRICKY = (
    "\u200b\u200c\u200d\ufe0f\ufe00\U000e0100\u202e\u2066\u00ad\u034f\u180b\u180e\ufeff\r\n\t\x00\x85\u2028"
    "\U000e0067\U000e0062\U000e0065\U000e006e\U000e007f\U0001f3f4\U0001f600\U0001f3fd\u2194❤1#"
    "\u0300\u0316\u0f73\uff9eカ\u1100\u1161\u11a8ﷺﬁ²½ⅸſİßΣςаеѕ\u0915\u094d\u0937یم\u1820葛\ud800\udc00aZ `$;'\""
)
HIDING = (
    "\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f\u200e\u202e\u2066\u180e\U000e0061\ufe00\U000e0151\u115f\u3164\x00\ud800"
)
PHRASES = [
    "ignore",
    "all",
    "previous",
    "instructions",
    "system:",
    "reveal",
    "your",
    "system prompt",
    "'",
    "explain",
    "[INST]",
]
TEXTS = st.one_of(
    st.text(max_size=300),
    st.text(alphabet=st.characters(), max_size=100),
    st.text(alphabet=st.sampled_from(TRICKY), max_size=200),
    st.lists(
        st.one_of(st.sampled_from(PHRASES), st.text(alphabet=st.sampled_from(TRICKY), max_size=3)), max_size=40
    ).map(" ".join),
)
POLICIES = st.sampled_from([SanitisePolicy(), SanitisePolicy(remove_shell_metacharacters=True)])


@settings(max_examples=600, deadline=None)
@given(TEXTS, POLICIES)
@example("\u0f73" * 40, SanitisePolicy())
@example("e\u200b\u0301\u200d\u0301", SanitisePolicy())
def test_sanitising_again_changes_nothing(text: str, policy: SanitisePolicy):
    once = sanitise(text, policy)
    twice = sanitise(once.text, policy)
    assert twice.text == once.text
    assert twice.removed == ()


@settings(max_examples=300, deadline=None)
@given(TEXTS, POLICIES)
def test_nothing_hidden_is_left_and_what_is_left_can_be_encoded(text: str, policy: SanitisePolicy):
    clean = sanitise(text, policy).text
    clean.encode()
    assert find_hidden(clean) == []
    assert not any(unicodedata.category(char) in ("Cc", "Cs") and char not in "\t\n\v\f\r\x85" for char in clean)


VISIBLE = st.characters(exclude_categories=["Cs"]).filter(lambda char: not HIDDEN.match(char))
WRITTEN = st.lists(st.one_of(st.sampled_from([*WRITING.values()]), st.text(VISIBLE, max_size=20)), max_size=6)


@settings(max_examples=300, deadline=None)
@given(WRITTEN)
def test_sanitising_is_the_identity_without_hidden_characters(pieces: list[str]):
    text = " ".join(pieces)
    assert sanitise(text, SanitisePolicy()) == SanitisedText(text)


@settings(max_examples=400, deadline=None)
@given(TEXTS)
def test_only_invisible_characters_are_removed_and_each_is_named(text: str):
    sanitised = sanitise(text, SanitisePolicy())
    kept = iter(sanitised.text)
    following = next(kept, None)
    gone = ""
    for char in text:
        if char == following:
            following = next(kept, None)
        else:
            gone += char
    assert following is None, "what is left is the text without some characters"
    assert all(map(HIDDEN.match, gone))
    assert sum(removal.count for removal in sanitised.removed) == len(gone)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("aZ9éかя ①²"), st.text(st.sampled_from(HIDING), max_size=3))))
def test_what_is_hidden_in_letters_is_removed_and_they_stay(pairs: list[tuple[str, str]]):
    sanitised = sanitise("".join(letter + hidden for letter, hidden in pairs), SanitisePolicy())
    assert sanitised.text == "".join(letter for letter, _ in pairs)
    assert sum(removal.count for removal in sanitised.removed) == sum(len(hidden) for _, hidden in pairs)


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_the_view_without_compatibility_forms_points_into_the_text(text: str):
    view = compatibility_view(View(text))
    assert unicodedata.is_normalized("NFC", view.text) or any(map(unicodedata.combining, view.text))
    spans = [view.span(at, at + 1) for at in range(len(view.text))]
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert [start for start, _ in spans] == sorted(start for start, _ in spans)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(Speaker), TEXTS), min_size=1, max_size=4))
def test_screening_judges_every_conversation_and_points_inside_it(
    shipped_policy: Policy, conversation: list[tuple[Speaker, str]]
):
    originals = bare_request(*(Message(role, text) for role, text in conversation))
    clean = bare_request(
        *(Message(role, sanitise(text, shipped_policy.sanitising).text) for role, text in conversation)
    )
    verdict = screen(clean, originals, shipped_policy.screening, DETECTORS)
    assert 0 <= verdict.score <= 1
    for finding in verdict.findings:
        assert 0 <= finding.start <= finding.end <= len(conversation[finding.message][1])
    assert screen(clean, originals, shipped_policy.screening, DETECTORS) == verdict


@settings(max_examples=200, deadline=None)
@given(TEXTS, TEXTS)
def test_an_answer_is_always_judged_and_findings_lie_inside_it(shipped_policy: Policy, answer: str, system: str):
    verdict = screen_output(answer, bare_request(Message(Speaker.SYSTEM, system)), shipped_policy.output)
    for finding in verdict.findings:
        assert 0 <= finding.start < finding.end <= len(answer)


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_folding_maps_each_character_to_one_of_the_text_in_order(text: str):
    view = fold(text)
    spans = [view.span(at, at + 1) for at in range(len(view.text))]
    assert spans == sorted(spans)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert fold(view.text).text == view.text


@pytest.mark.parametrize("word", PHRASES)
def test_a_phrase_repeated_to_the_limit_is_judged(shipped_policy: Policy, word: str):
    limit = shipped_policy.limits.max_prompt_chars
    request = bare_request(Message(Speaker.USER, (f"{word} " * limit)[:limit]))
    assert screen(request, request, shipped_policy.screening, DETECTORS).detectors
