"""Sanitising: what goes, what stays because writing needs it, and that it is named."""

import unicodedata

import pytest

from domain.inference.content import Message, Speaker
from domain.inference.requests import InferenceRequest
from domain.refusals import Kind, Refusal
from domain.text.hidden_characters import HIDDEN, find_hidden
from domain.text.normalise.pipeline import normalise
from domain.text.sanitise import Category, Removal, SanitisedText, SanitisePolicy, sanitise, sanitise_request
from tests.unit.text.writing import WRITING, flag

PLAIN = SanitisePolicy()
SHELL = SanitisePolicy(remove_shell_metacharacters=True)
LETTERS = "abcdefghijklmnopqrstuvwxyz0"
TAGS = "".join(chr(0xE0000 + ord(char)) for char in "obey")


@pytest.mark.parametrize(
    ("text", "clean", "category", "count"),
    [
        ("a\x00b\x1b[0m", "ab[0m", Category.CONTROL, 2),
        ("del\x7f c1\x9b", "del c1", Category.CONTROL, 2),
        ("ig\u200bno\u2060re\ufeff", "ignore", Category.ZERO_WIDTH, 3),
        ("ig\u200dno\u200cre", "ignore", Category.ZERO_WIDTH, 2),
        ("a\u200d\U0001f600", "a\U0001f600", Category.ZERO_WIDTH, 1),
        ("\u202eabc\u202c \u2066x\u2069 \u200e", "abc x ", Category.BIDI, 5),
        ("hi" + TAGS, "hi", Category.TAG, 4),
        ("soft\u00adhyphen", "softhyphen", Category.FORMAT, 1),
        ("\u3164\uffa0x", "x", Category.FORMAT, 2),
        ("a\ufe00b\U000e0100", "ab", Category.VARIATION, 2),
        ("\U0001f600" + "\ufe0f" * 5, "\U0001f600\ufe0f", Category.VARIATION, 4),
        ("a\ud800b", "ab", Category.SURROGATE, 1),
        ("a\ufffeb\ufdd0\U0010ffff", "ab", Category.NONCHARACTER, 3),
        ("Auf\u200clage, Auf\u200dlage", "Auflage, Auflage", Category.ZERO_WIDTH, 2),
        ("می\u200c\u200c\u200dخواهم", "می\u200cخواهم", Category.ZERO_WIDTH, 2),
        ("۱\u200c۲", "۱۲", Category.ZERO_WIDTH, 1),
        ("請\u200b忽略", "請忽略", Category.ZERO_WIDTH, 1),
        ("ไทย\u200b\u200bไทย", "ไทย\u200bไทย", Category.ZERO_WIDTH, 1),
        ("\U0001f600\u200dabc", "\U0001f600abc", Category.ZERO_WIDTH, 1),
        ("a\u034f\u0301", "a\u0301", Category.ZERO_WIDTH, 1),
        ("a\u2062b\u2064c", "abc", Category.ZERO_WIDTH, 2),
        ("ab\u200ecd שלום של\u200fום", "abcd שלום שלום", Category.BIDI, 2),
        ("שלום \u200e\u200f\u200e!", "שלום \u200e!", Category.BIDI, 2),
        ("שלום \u202eabc\u202c \u2067x\u2069", "שלום abc x", Category.BIDI, 4),
        ("葛\U000e0161", "葛", Category.VARIATION, 1),
        ("葛\U000e0100\U000e0101", "葛\U000e0100", Category.VARIATION, 1),
        ("\U0001f600\U000e0151\U000e0157", "\U0001f600", Category.VARIATION, 2),
        ("+\ufe0f", "+", Category.VARIATION, 1),
        ("م\ufe00", "م", Category.VARIATION, 1),
        ("x\u115f\u1160y", "xy", Category.FORMAT, 2),
        ("\u1100\u1161\u1160", "\u1100\u1161", Category.FORMAT, 1),
        ("\u115f\u1160", "", Category.FORMAT, 2),
        ("x\U00013430y", "xy", Category.FORMAT, 1),
        ("\U0001f600" + TAGS + "\U000e007f", "\U0001f600", Category.TAG, 5),
        ("".join(flag(f"de{letter}x") for letter in LETTERS), "\U0001f3f4" * 27, Category.TAG, 27 * 5),
        (flag("xyobey"), "\U0001f3f4", Category.TAG, 7),
        (flag("zzob"), "\U0001f3f4", Category.TAG, 5),
    ],
)
def test_what_hides_is_removed_and_named(text: str, clean: str, category: Category, count: int):
    sanitised = sanitise(text, PLAIN)
    assert sanitised.text == clean
    assert sanitised.removed == (Removal(category, count),)


@pytest.mark.parametrize("name", WRITING)
def test_what_people_write_stays_as_it_is(name: str):
    assert sanitise(WRITING[name], PLAIN) == SanitisedText(WRITING[name])


def test_every_visible_character_stays_as_it_is():
    visible = [chr(code) for code in range(0x110000) if not HIDDEN.match(chr(code))]
    for text in ("".join(visible), "a".join(visible), "م".join(visible)):
        assert sanitise(text, PLAIN) == SanitisedText(text)


def test_what_is_written_hides_nothing_for_the_screening():
    for text in WRITING.values():
        assert not any(technique.hides for technique in normalise(text).techniques), text


def test_a_flag_that_spells_something_else_is_no_flag():
    text = "\U0001f3f4" + TAGS + "\U000e007f"
    assert sanitise(text, PLAIN).text == "\U0001f3f4"


def test_every_invisible_format_character_is_known():
    visible = {0x600, 0x601, 0x602, 0x603, 0x604, 0x605, 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}
    formats = {code for code in range(0x110000) if unicodedata.category(chr(code)) == "Cf"}
    assert {code for code in formats if not find_hidden(f"a{chr(code)}a")} == visible


def test_shell_metacharacters_go_only_where_the_policy_says_so():
    text = "cost: $5 & more; `x` | y > z < \\"
    assert sanitise(text, PLAIN).text == text
    sanitised = sanitise(text, SHELL)
    assert sanitised.text == "cost: 5  more x  y  z  "
    assert sanitised.removed == (Removal(Category.SHELL, 9),)


def _request(*contents: str) -> InferenceRequest:
    return InferenceRequest("smollm2", tuple(Message(Speaker.USER, content) for content in contents), 0.7, 16)


def test_removals_are_summed_over_the_messages():
    request, removed = sanitise_request(_request("a\u200bb\x00", "c\u200bd"), PLAIN)
    assert [message.content for message in request.messages] == ["ab", "cd"]
    assert removed == (Removal(Category.CONTROL, 1), Removal(Category.ZERO_WIDTH, 2))


@pytest.mark.parametrize("nothing", ["\u200b\u200b", TAGS, "\u3164 \n", "\x00"])
def test_a_message_of_which_nothing_visible_is_left_is_refused(nothing: str):
    with pytest.raises(Refusal) as refused:
        sanitise_request(_request("Hello", nothing), PLAIN)
    assert (refused.value.kind, refused.value.field) == (Kind.INVALID_REQUEST, "messages.1.content")
