"""Values told apart from look-alikes by the text around them: each pair differs in little else."""

import pytest

from tests.unit.privacy.sets.measuring import search, shipped

POLICY = shipped()
CARD = "4012888888881881"
GROUPED = "4012 8888 8888 1881"
DIGEST = "da39a3ee5e6b4b0d3255bfef95601890afd80709"
HEADER = "-----BEGIN PRIVATE KEY-----"
PAIRS = [
    (f"card {CARD}", f"order {CARD}"),
    (f"Card no.: {CARD}", f"Order no.: {CARD}"),
    (f'{{"pan":{CARD}}}', f'{{"order_id":{CARD}}}'),
    (f"paid 7 {GROUPED} 12", f"paid 7111 {GROUPED} 1211"),
    (f"{GROUPED} 1229 123", f"{GROUPED} 1229 12"),
    (GROUPED, f"00000210: 53e8 {GROUPED} eb42"),
    (f"1,Anna,{CARD}", f"1,Anna,0.{CARD}"),
    (f"{CARD}\n4111111111111111\n5105105105105101\n", f"{CARD}\n4111111111111112\n5105105105105101\n"),
    ("to NL91 ABNA 0417 1643 00", "1f2e be68 5390 0754 7034 a1b2"),
    ("call 650 253 0000", "call 650 253 0000 9"),
    ("650 253 0000", "Box 650 253 0000 mm"),
    ("650-253-0000", "650-253-0000-1"),
    ("1 650-253-0000 2", "id 21-650-253-0000"),
    ("030 901820", "2.030 901820"),
    ("06 12 34 56 78", "06 12 34 56 78 90 11"),
    ("+49 30 901820", "5 + 49 30 901820"),
    ("+493012345678", "+493012345678 rows"),
    ("+1 234 567 8901", "+1 234 567 8901 + 5"),
    ("+1.6502530000", "+49.495272"),
    ("Tel. 912 345 142", "Seite 912 345 142"),
    ("phone: 12345678", "iPhone: 12345678"),
    ("telefon 12 34 56 78", "telefon 12.11.2026"),
    ("bob@example.com", "bob@next.js"),
    ("mail: bob@firma.unknown", "unit: bob@firma.unknown"),
    ("hi bob@example.com", "ssh bob@example.com"),
    ("ssh to us, or write to bob@example.com", "ssh -p 2222 -i ~/.ssh/key bob@example.com"),
    ("ssh-keygen -C bob@example.com", "ssh-copy-id bob@example.com"),
    ("bob@example.com: hello", "bob@example.com:/srv"),
    ("mailto:bob@example.com", "ssh://bob@example.com"),
    ("Reply-To: <bob@example.com>", "Message-ID: <bob@example.com>"),
    ("https://a.example/?u=bob@example.com", "https://bob@a.example/"),
    ("select bob@example.com", "select * from bob@example.com"),
    ("bob@EXAMPLE.COM", "host/bob@EXAMPLE.COM"),
    ("jo@dot.to, hello", "x = jo@dot.to(device)"),
    ("1@qq.com", "v1.2@qq.com"),
    ("\u90ae\u7bb1bob@example.cn\u8bf7", "\u7248\u672c1.2@example.cn"),
    ("sk-a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6", "sk-learn-model-selection-and-evaluation-2024"),
    ("npm_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8", "npm_" + "x" * 36),
    (
        "secretAccessKey: da39A3ee5e6b4b0d3255bfef95601890afd80709",
        "secretAccessKey: da39a3ee5e6b4b0d3255bfef95601890afd80709",
    ),
    ("db://b:password1@c", "db://b:password@c"),
    ("db://b:Your2Passes@c", "db://b:your_password@c"),
    ("db://root:toor@c", "db://root:root@c"),
    ("db://b:x..y9@c", "db://b:...@c"),
    (
        "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIC\n",
        "-----BEGIN PRIVATE KEY-----\nMC4C...\n-----END PRIVATE KEY-----",
    ),
]


@pytest.mark.parametrize(("value", "look_alike"), PAIRS)
def test_the_text_around_decides(value: str, look_alike: str):
    assert search(POLICY, value)
    assert not search(POLICY, look_alike)


@pytest.mark.parametrize(
    "text",
    [
        f"{GROUPED} and {CARD}",
        "Pay with 4111 1111 1111 1111, not with 4111 1111 1111 1112",
        "4000\u00a00566\u00a05566\u00a05556",
        "\uff14\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11\uff11",
        "\u5361\u53f74111111111111111\u3002",
        "alice\uff20example.com",
        "alice@example.com.Please answer",
        "0049 30 901820",
        "03\u20111234\u20115678",
    ],
)
def test_a_value_is_found(text: str):
    assert search(POLICY, text)


@pytest.mark.parametrize("text", ["https://user:pw9Kd82x@a.example", "4111111111111111"])
def test_test_cards_and_example_hosts_count_as_values(text: str):
    """A matter of taste: a masked one is restored in the answer, and no list of test cards is complete."""
    assert search(POLICY, text)


def test_a_token_is_found_whole_if_the_rule_has_a_group_for_another_form():
    text = "the token xoxb-123456789012-AbCdEfGhIjKlMnOpQrStUvWx is mine"
    assert [text[value.start : value.end] for value in search(POLICY, text)] == [text[10:-8]]
