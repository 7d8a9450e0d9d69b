"""Values in full-width, circled or composed characters: found, masked where they stand, restored as they were sent."""

import json
from collections.abc import Sequence

import pytest

from domain.inference.content import Message, Speaker, ToolCall
from domain.inference.requests import InferenceRequest
from domain.policy.document import Policy
from domain.privacy.masking import Masked, mask_request
from domain.privacy.policy import PrivacyPolicy
from domain.privacy.restoring import put_back
from domain.refusals import Kind, Refusal
from domain.text.sanitise import SanitisePolicy, sanitise_request

CARD = "4111 1111 1111 1111"
IBAN = "DE89 3704 0044 0532 0130 00"
ALICE = "alice.o@mail.example.co.uk"
KEY = "AKIAQWERTYUIOPASDFGH"
KINDS = {CARD: "card_number", IBAN: "iban", ALICE: "email", KEY: "api_key"}


def full_width(text: str) -> str:
    return "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text)


def mathematical(text: str) -> str:
    digits = {ord("0") + at: 0x1D7CE + at for at in range(10)}
    capitals = {ord("A") + at: 0x1D400 + at for at in range(26)}
    small = {ord("a") + at: 0x1D41A + at for at in range(26)}
    return text.translate(digits | capitals | small)


def circled(text: str) -> str:
    return text.translate({ord("0"): "⓪"} | {ord("0") + at: 0x245F + at for at in range(1, 10)})


def superscript(text: str) -> str:
    return text.translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


FORMS = {
    "full width": full_width,
    "mathematical": mathematical,
    "circled digits": circled,
    "superscript digits": superscript,
    "zero-width spaces": "\u200b".join,
    "soft hyphens": "\u00ad".join,
    "tags": "\U000e0041".join,
}


class NoPhones:
    def find(self, text: str, regions: Sequence[str]) -> Sequence[tuple[int, int]]:
        return []


@pytest.fixture
def privacy(policy: Policy) -> PrivacyPolicy:
    assert policy.privacy is not None
    return policy.privacy


def as_the_stage_does(privacy: PrivacyPolicy, text: str) -> tuple[Masked, str, str]:
    """Return the result, the model's text, and that text with its values restored."""
    request = InferenceRequest("fake", (Message(Speaker.USER, text),), 0.7, 16)
    sanitised, _ = sanitise_request(request, SanitisePolicy())
    made = mask_request(sanitised, privacy, "acme", NoPhones(), b"run")
    shown = made.request.messages[0].content
    assert isinstance(shown, str)
    return made, shown, put_back(shown, made.values, [shown])


@pytest.mark.parametrize("value", [CARD, IBAN, ALICE, KEY])
@pytest.mark.parametrize("form", FORMS)
def test_a_value_is_masked_in_every_form_and_restored_as_the_model_would_have_got_it(
    privacy: PrivacyPolicy, form: str, value: str
):
    written = FORMS[form](value)
    text = f"①部屋の広さは25㎡、 {written} です。"
    made, shown, restored = as_the_stage_does(privacy, text)
    assert {**(made.masked or {}), **(made.redacted or {})} == {KINDS[value]: 1}
    before, _, after = shown.partition("[")
    assert (before, after.partition("]")[2]) == ("①部屋の広さは25㎡、 ", " です。")
    if KINDS[value] != "api_key":
        hidden = form in ("zero-width spaces", "soft hyphens", "tags")
        assert restored == (f"①部屋の広さは25㎡、 {value} です。" if hidden else text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"①{CARD}②", CARD),
        (f"{CARD}²", CARD),
        ("⒈4111-1111-1111-1111", "4111-1111-1111-1111"),
        ("⑩4111111111111111", "4111111111111111"),
        ("شماره: \u200f4111\u200e 1111 1111 1111", "4111\u200e 1111 1111 1111"),
        ("jose\u0301@mail.example", "jose\u0301@mail.example"),
        ("ｶﾞｲﾄﾞ@mail.example", "ｶﾞｲﾄﾞ@mail.example"),
        ("alice＠mail．example", "alice＠mail．example"),
    ],
)
def test_the_value_is_what_was_written_and_no_more(privacy: PrivacyPolicy, text: str, found: str):
    made, _, restored = as_the_stage_does(privacy, text)
    assert [value for _, value in made.values] == [found]
    assert restored == text


@pytest.mark.parametrize(
    "text",
    [
        "①500円と②300円",
        "設問①2点、設問②3点、③4点、④1点、⑤1点、⑥1点、⑦1点、⑧1点",
        "①3②4③1④2⑤3⑥1⑦4⑧2⑨1⑩4",
        "10²³ と 6.022×10²³",
        "25㎡ 3㎥ 10㎏/㎠ ㏠ ㍘",
        "½ ⅓ ⅛",
    ],
)
def test_numbers_with_marks_are_no_values(privacy: PrivacyPolicy, text: str):
    made, shown, _ = as_the_stage_does(privacy, text)
    assert (shown, made.values) == (text, ())


def test_the_strings_of_a_call_are_searched_in_every_form(privacy: PrivacyPolicy):
    arguments = json.dumps({"to": full_width(ALICE), "room": "①25㎡"})
    call = ToolCall("call_1", "send", arguments)
    request = InferenceRequest("fake", (Message(Speaker.ASSISTANT, (call,)),), 0.7, 16)
    made = mask_request(request, privacy, "acme", NoPhones(), b"run")
    (sent,) = made.request.messages[0].content
    assert isinstance(sent, ToolCall)
    ((name, value),) = made.values
    assert value == full_width(ALICE)
    assert json.loads(sent.arguments) == {"to": name, "room": "①25㎡"}
    assert "\\u2460" in sent.arguments, "what is not replaced keeps its spelling"


def test_a_text_that_becomes_too_long_to_be_searched_is_refused(privacy: PrivacyPolicy):
    with pytest.raises(Refusal) as refused:
        as_the_stage_does(privacy, "\ufdfa" * (privacy.max_scanned_chars // 4))
    assert refused.value.kind is Kind.REVIEW_UNAVAILABLE
