"""Values found in a text, and text that only resembles them."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from domain.access.api_keys import new_key
from domain.policy.document import Policy
from domain.privacy.detection.accounts import ibans, mod_97
from domain.privacy.detection.cards import card_numbers, luhn
from domain.privacy.detection.own_keys import own_keys
from domain.privacy.finding import find
from domain.privacy.policy import DataKind

BODY = "MC4CAQAwBQYDK2VwBCIEIC\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC"
FINDS = {
    "private key": ("private_key", f"-----BEGIN PRIVATE KEY-----\n{BODY}\n-----END PRIVATE KEY-----"),
    "encrypted key": (
        "private_key",
        f"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n{BODY}\n-----END RSA PRIVATE KEY-----",
    ),
    "key on one line": ("private_key", f"-----BEGIN EC PRIVATE KEY-----\\n{BODY}\\n-----END EC PRIVATE KEY-----"),
    "key that is cut off": ("private_key", f"-----BEGIN OPENSSH PRIVATE KEY-----\n{BODY}\nabc="),
    "PuTTY key": ("private_key", "PuTTY-User-Key-File-3: ssh-ed25519\nPrivate-Lines: 1\nAAAA\nPrivate-MAC: 0f0f"),
    "long API key": ("api_key", "sk-proj-" + "aB3_" * 100),
    "cloud key": ("api_key", "AKIAQWERTYUIOPASDFGH"),
    "long token": ("token", f"eyJhbGciOiJFZERTQSJ9.eyJ{'zdWIi' * 200}.c2lnbmF0dXJl-_"),
    "card": ("card_number", "4111111111111111"),
    "card in groups": ("card_number", "5555-5555-5555-4444"),
    "card of 15 digits": ("card_number", "3782 822463 10005"),
    "card in odd groups": ("card_number", "411111 11111 11111"),
    "IBAN": ("iban", "GB82WEST12345698765432"),
    "IBAN in groups": ("iban", "DE89 3704 0044 0532 0130 00"),
    "IBAN in small letters": ("iban", "nl91abna0417164300"),
    "address": ("email", "first.last+tag@mail.example.co.uk"),
    "address with an apostrophe": ("email", "o'brien@example.com"),
    "address in another script": ("email", "пример@пример.рф"),
}
PASSES = [
    "What does -----BEGIN PRIVATE KEY----- mean?",
    "git clone git@github.com:owner/name.git",
    "@app.route('/') and @dataclass, pkg@1.2.3, a@b, user@localhost",
    "4111 1111 1111 1112 is no card, nor is 1234567890123456",
    "an EAN 4006381333931, the time 1700000000000, the number 0000000000000000",
    "550e8400-e29b-41d4-a716-446655440000 and 3.14159265358979323846",
    "DE89 3704 0044 0532 0130 01 has a wrong check digit; XX89 3704 0044 0532 0130 00 no country",
    "postgres://user:password@localhost/db and https://example.com:8080/a@b",
    "Set the key to sk-... in your settings; the assay_ prefix",
]


class NoPhones:
    """Numbers are another's business: ``tests/adapters/screening/test_privacy_phonenumbers.py``."""

    def find(self, text: str, regions: Sequence[str]) -> Sequence[tuple[int, int]]:
        return []


class Phones:
    """Takes ``12345678`` for a number."""

    def find(self, text: str, regions: Sequence[str]) -> Sequence[tuple[int, int]]:
        at = text.find("12345678")
        return [(at, at + 8)] if at >= 0 else []


def found(policy: Policy, text: str, kinds: Sequence[DataKind] = tuple(DataKind)) -> list[tuple[str, str]]:
    assert policy.privacy is not None
    return [
        (datum.kind.value, text[datum.start : datum.end]) for datum in find(text, kinds, policy.privacy, NoPhones())
    ]


@pytest.mark.parametrize("name", FINDS)
def test_it_is_found_whole_wherever_it_stands(policy: Policy, name: str):
    kind, datum = FINDS[name]
    for around in ("%s", "It is %s and no more.", '("%s")', "a\n%s\nb", "a: %s."):
        text = around % datum
        assert found(policy, text) == [(kind, datum)], text


@pytest.mark.parametrize("text", PASSES)
def test_what_only_looks_like_it_stays(policy: Policy, text: str):
    assert found(policy, text) == []


def test_a_password_alone_is_what_an_address_loses(policy: Policy):
    assert found(policy, "postgres://app:k3Jd82hs@db.example.com/app") == [("password", "k3Jd82hs")]


def test_of_two_that_overlap_the_first_kind_counts(policy: Policy):
    text = f"-----BEGIN PRIVATE KEY-----\n{BODY} alice@example.com 4111111111111111\n-----END PRIVATE KEY-----"
    assert found(policy, text) == [("private_key", text)]
    assert found(policy, text, [DataKind.EMAIL]) == [("email", "alice@example.com")]


def test_several_are_found_in_order_and_apart(policy: Policy):
    text = "bob@example.com pays with 4111111111111111, alice@example.com from GB82WEST12345698765432"
    assert [kind for kind, _ in found(policy, text)] == ["email", "card_number", "email", "iban"]


def test_what_stands_against_another_datum_is_found_as_well(policy: Policy):
    text = "alice@example.com4111 1111 1111 1111"
    assert found(policy, text) == [("email", "alice@example.com"), ("card_number", "4111 1111 1111 1111")]


def test_kinds_that_are_allowed_are_not_looked_for(policy: Policy):
    assert found(policy, "alice@example.com", [DataKind.PHONE]) == []


def test_numbers_are_asked_for_only_where_there_are_digits(policy: Policy):
    assert policy.privacy is not None
    kinds = [DataKind.PHONE]
    assert len(find("call 12345678", kinds, policy.privacy, Phones())) == 1

    class Unasked:
        def find(self, text: str, regions: Sequence[str]) -> Sequence[tuple[int, int]]:
            raise AssertionError("asked")

    assert find("call me", kinds, policy.privacy, Unasked()) == []


def test_a_hint_is_a_short_cut_and_no_more(policy: Policy):
    assert policy.privacy is not None
    without = replace(policy.privacy, rules=tuple(replace(rule, hints=()) for rule in policy.privacy.rules))
    for kind, datum in FINDS.values():
        assert [found_.kind.value for found_ in find(datum, tuple(DataKind), without, NoPhones())] == [kind]


@pytest.mark.parametrize("number", ["79927398713", "4111111111111111", "378282246310005", "6011111111111117"])
def test_check_digits_of_cards(number: str):
    assert luhn(number)
    for place in range(len(number)):
        assert not luhn(number[:place] + str((int(number[place]) + 1) % 10) + number[place + 1 :])


@pytest.mark.parametrize(
    "number",
    ["GB82WEST12345698765432", "DE89370400440532013000", "NO9386011117947", "MT84MALT011000012345MTLCAST001S"],
)
def test_check_digits_of_accounts(number: str):
    assert mod_97(number)
    assert list(ibans(number)) == [(0, len(number))]
    assert not mod_97(number[:-1] + ("0" if number[-1] != "0" else "1"))


def test_a_card_is_found_beside_other_numbers():
    text = "order 12345 4111 1111 1111 1111 77"
    assert [text[start:end] for start, end in card_numbers(text)] == ["4111 1111 1111 1111"]


HOSTILE = [
    *(
        "1",
        "1 ",
        "4111 ",
        "@",
        "a@",
        "a.a@a.",
        "DE89 ",
        "eyJaaaaaaaaaaaaaaaaaaa.",
        "sk-",
        "ghp_",
        "a://b:",
        "://",
        "a//",
    ),
    *(
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\n" + "A" * 17,
        "A" * 16 + "\\n",
        "PuTTY-User-Key-File-3",
    ),
    *("secretAccessKey=", "AccountKey=" + "a" * 40, "hooks.slack.com/services/", "12345678:AA", "a" * 63 + "."),
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_text_is_read_to_its_end(policy: Policy, text: str):
    """Work that grew faster than the text would end this test by its deadline."""
    long = (text * 32_000)[:32_000]
    for prompt in (long, "-----BEGIN PRIVATE KEY-----\n" + long, f"postgres://a:{long}", f"{long}@{long}"):
        for _, datum in found(policy, prompt + " alice@example.com"):
            assert datum in prompt or datum.endswith("alice@example.com")


OWN_KEY = new_key(lambda count: bytes(range(7, 7 + count))).text


@pytest.mark.parametrize("around", ["{}", "x{}", "{}y", "Bearer {}.", 'KEY="{}"', "a_{}_b", "assay_{}", "({})"])
@pytest.mark.parametrize("rules", [True, False], ids=["rules", "no rules"])
def test_a_key_of_this_gateway_is_found_by_its_checksum_whatever_is_around_it(policy: Policy, around: str, rules: bool):
    assert policy.privacy is not None
    known = policy.privacy if rules else replace(policy.privacy, rules=())
    text = around.format(OWN_KEY)
    values = find(text, [DataKind.API_KEY], known, NoPhones())
    assert any(OWN_KEY in text[value.start : value.end] for value in values)


def test_a_key_whose_checksum_is_wrong_is_left_to_the_rules():
    wrong = OWN_KEY[:-1] + ("0" if OWN_KEY[-1] != "0" else "1")
    assert list(own_keys(wrong)) == []
    assert list(own_keys(f"{wrong} {OWN_KEY}")) == [(67, 133)]


def test_prefixes_without_keys_are_read_in_one_pass():
    assert list(own_keys("assay_" * 20_000)) == []
