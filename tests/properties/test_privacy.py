"""Invariants of every text: nothing that was found is left, and putting it back gives the text again."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from adapters.screening.phone_numbers import LibPhoneNumbers
from domain.inference.content import Message, Speaker
from domain.inference.requests import InferenceRequest
from domain.policy.document import Policy
from domain.privacy.finding import find
from domain.privacy.guarded_parts import ADDRESS
from domain.privacy.masking import mask_request
from domain.privacy.policy import DataKind, Handling, PrivacyPolicy
from domain.privacy.restoring import put_back
from domain.text.compatibility import compatibility_view
from domain.text.view import View
from tests.properties.test_texts import TEXTS
from tests.unit.privacy.sets.real import Planted
from tests.unit.privacy.sets.texts import harmless, real

DATA = [
    "alice@example.com",
    "4111 1111 1111 1111",
    "378282246310005",
    "DE89370400440532013000",
    "+44 20 7946 0958",
    "(650) 253-0000",
    "AKIAQWERTYUIOPASDFGH",
    "sk-proj-" + "a" * 40,
    "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJub2JvZHkifQ.c2lnbmF0dXJl",
    "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIC\n-----END PRIVATE KEY-----",
    "postgres://app:k3Jd82hs@db.internal/app",
]
PIECES = [
    *DATA,
    "[EMAIL_1_BCDF]",
    "https://",
    "](",
    "<",
    ">",
    "@",
    ".",
    "-",
    "+",
    " ",
    "\n",
    "1",
    "a",
    "//",
    "-----BEGIN",
]
PROMPTS = st.lists(st.one_of(st.sampled_from(PIECES), TEXTS), max_size=12).map("".join)
SEARCHES = LibPhoneNumbers()


@pytest.fixture(scope="session")
def masking(shipped_policy: Policy) -> PrivacyPolicy:
    """Everything is masked."""
    assert shipped_policy.privacy is not None
    return replace(shipped_policy.privacy, handling=dict.fromkeys(DataKind, Handling.MASK))


def request_of(prompts: Sequence[str]) -> InferenceRequest:
    return InferenceRequest("m", tuple(Message(Speaker.USER, prompt) for prompt in prompts), 0.7, 16)


@settings(max_examples=300, deadline=None)
@given(PROMPTS)
def test_findings_are_in_order_apart_and_inside(masking: PrivacyPolicy, prompt: str):
    last = 0
    for datum in find(prompt, frozenset(DataKind), masking, SEARCHES.begin()):
        assert last <= datum.start < datum.end <= len(prompt)
        last = datum.end


@settings(max_examples=300, deadline=None)
@given(st.lists(PROMPTS, min_size=1, max_size=3), st.text(max_size=10))
def test_putting_back_gives_the_prompt_again(masking: PrivacyPolicy, prompts: list[str], seed: str):
    made = mask_request(request_of(prompts), masking, "acme", SEARCHES.begin(), seed.encode(errors="replace"))
    asked = [message.content for message in made.request.messages]
    assert [put_back(text, made.values, asked) for text in asked] == prompts


@settings(max_examples=300, deadline=None)
@given(PROMPTS)
def test_no_secret_and_no_number_with_check_digits_is_left(masking: PrivacyPolicy, prompt: str):
    """Phone numbers are judged by what is around them, so what is left may look like one that was none before."""
    made = mask_request(request_of([prompt]), masking, "acme", SEARCHES.begin(), b"run")
    kinds = frozenset(DataKind) - {DataKind.PHONE}
    left = compatibility_view(View(made.request.messages[0].content)).text
    assert find(left, kinds, masking, SEARCHES.begin()) == []


@settings(max_examples=300, deadline=None)
@given(prompt=PROMPTS, answer=st.lists(st.one_of(st.just("\0"), TEXTS, st.sampled_from(PIECES)), max_size=8))
@example(prompt="alice@example.com", answer=["https://", ")", "\0"])
def test_putting_back_is_total_and_changes_placeholders_alone(masking: PrivacyPolicy, prompt: str, answer: list[str]):
    """After an address, a space before the value ends it."""
    made = mask_request(request_of([prompt]), masking, "acme", SEARCHES.begin(), b"run")
    placeholder = made.values[0][0] if made.values else "x"
    written = "".join(placeholder if piece == "\0" else piece for piece in answer)
    has_address = ADDRESS.search(written) is not None
    restored = put_back(written, made.values, [made.request.messages[0].content])
    for name, value in made.values:
        restored = restored.replace(value, name)
        written = written.replace(value, name)
    if has_address:
        restored, written = (text.replace(f" {placeholder}", placeholder) for text in (restored, written))
    assert restored == written


def planted_documents() -> st.SearchStrategy[tuple[str, list[str]]]:
    """Documents of harmless texts and texts with values, in any order, with the values."""
    harmless_texts = [text for _, text in harmless()]
    real_texts = [planted for planted in real() if planted.group != "by hand" and "\0" not in planted.text]
    pieces = st.one_of(st.sampled_from(harmless_texts), st.sampled_from(real_texts))

    def put_together(chosen: list[str | Planted]) -> tuple[str, list[str]]:
        texts = [piece if isinstance(piece, str) else piece.text for piece in chosen]
        return "\n\n".join(texts), [piece.value for piece in chosen if not isinstance(piece, str)]

    return st.lists(pieces, min_size=1, max_size=6).map(put_together)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(planted_documents())
def test_masking_a_document_leaves_no_planted_value_and_is_undone(
    masking: PrivacyPolicy, document: tuple[str, list[str]]
):
    text, values = document
    made = mask_request(request_of([text]), masking, "acme", SEARCHES.begin(), b"run")
    shown = made.request.messages[0].content
    assert isinstance(shown, str)
    assert [value for value in values if value in shown] == []
    assert put_back(shown, made.values, [shown]) == text
