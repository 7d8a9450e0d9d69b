"""Sanitising: what goes, what stays because writing needs it, and that it is named."""

import unicodedata

import pytest

from domain.inference.content import Message, Speaker
from domain.inference.requests import InferenceRequest
from domain.refusals import Kind, Refusal
from domain.text.hidden_characters import find_hidden
from domain.text.sanitise import Category, Removal, SanitisePolicy, sanitise, sanitise_request

PLAIN = SanitisePolicy()
SHELL = SanitisePolicy(remove_shell_metacharacters=True)
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
        ("a" + "\u0316" * 100, "a" + "\u0316" * 30, Category.MARKS, 70),
    ],
)
def test_what_hides_is_removed_and_named(text: str, clean: str, category: Category, count: int):
    sanitised = sanitise(text, PLAIN)
    assert sanitised.text == clean
    assert sanitised.removed == (Removal(category, count),)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Plain text,\twith a tab\nand a line.",
        "Grüße, naïve café, Ωμέγα, Привет, 你好, こんにちは, 한국어",
        "می‌خواهم",
        "क्‍ष and न्‌ह",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466",
        "❤️\u200d\U0001f525 1️⃣ #️⃣ ☎︎",
        "\U0001f642\u200d↔️ \U0001f44d\U0001f3fd",
        "\U0001f3f4" + "".join(chr(0xE0000 + ord(c)) for c in "gbsct") + "\U000e007f",
        "x² + y³ = 1½ H₂O",
        "葛\U000e0100",
        "ᠭ᠋",
        "rm -rf / ; echo $HOME | cat && `id` > \\x",
    ],
)
def test_what_writing_needs_stays(text: str):
    sanitised = sanitise(unicodedata.normalize("NFC", text), PLAIN)
    assert sanitised.text == unicodedata.normalize("NFC", text)
    assert sanitised.removed == ()


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("ＡＢＣ １２３", "ABC 123"),
        ("𝐢𝐠𝐧𝐨𝐫𝐞", "ignore"),
        ("ﬁne", "fine"),
        ("e\u0301", "é"),
        ("a\u00a0b", "a b"),
        ("a\r\nb\rc\u2028d\x0be\x85f", "a\nb\nc\nd\ne\nf"),
    ],
)
def test_what_looks_like_something_else_becomes_it(text: str, clean: str):
    assert sanitise(text, PLAIN).text == clean


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
