"""Part 7: no disguise of a value that other readers undo, and no break in it, gets it past masking.

Each attack first succeeds on a wrong variant of the search.
"""

import re
from collections.abc import Callable, Iterator

import pytest

from adapters.screening.phone_numbers import LibPhoneNumbers
from adapters.system.policy_files import load_policy_document
from domain.inference.content import Message, Speaker
from domain.inference.requests import InferenceRequest, bare_request
from domain.policy.document import parse_policy
from domain.privacy import finding, masking
from domain.privacy.detection import emails
from domain.privacy.masking import mask_request
from domain.privacy.policy import DataKind, DataRule, PrivacyPolicy
from tests.paths import ROOT

SEARCHES = LibPhoneNumbers()
SECRET = "Zm9vYmFyYmF6cXV4cXV1eAZm9vYmFyYmF6cXV4cXV1e"
KEY = "sk-proj-aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5bC7d"
TOKEN = "s.8J2kLmN4pQrS6tUvW8xYz0Ab"
CARD = "4012 8888 8888 1881"


def _shipped() -> PrivacyPolicy:
    policy = parse_policy(load_policy_document(ROOT / "policies", {})).privacy
    assert policy is not None
    return policy


POLICY = _shipped()


def shown(*texts: str, policy: PrivacyPolicy = POLICY) -> str:
    """Return the model's text of these messages, in turns of user and assistant."""
    roles = (Speaker.USER, Speaker.ASSISTANT)
    request: InferenceRequest = bare_request(*(Message(roles[at % 2], text) for at, text in enumerate(texts)))
    made = mask_request(request, policy, "acme", SEARCHES.begin(), b"seed")
    return "\n".join(str(message.content) for message in made.request.messages)


def _matching_plain_signs_alone(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(emails, "_ENCODED_AT", ())


def _matching_after_spaces_alone(patch: pytest.MonkeyPatch) -> None:
    """Search for keys at the beginnings of words, as before."""
    inner = finding.places_of

    def places(rule: DataRule, text: str) -> list[tuple[int, int]]:
        return [(start, end) for start, end in inner(rule, text) if not re.match(r"\w", text[start - 1 : start])]

    patch.setattr(finding, "places_of", places)


def _matching_without(*names: str) -> Callable[[pytest.MonkeyPatch], None]:
    def apply(patch: pytest.MonkeyPatch) -> None:
        inner = finding.places_of
        patch.setattr(finding, "places_of", lambda rule, text: [] if rule.name in names else inner(rule, text))

    return apply


def _matching_lines_alone(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(finding, "divided", lambda *_: [])


def _matching_messages_alone(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(masking, "with_divided", lambda texts, found, *_: [list(known) for known in found])


Wrong = Callable[[pytest.MonkeyPatch], None]
Attack = tuple[Wrong, tuple[str, ...], tuple[str, ...]]


def _attacks() -> Iterator[Attack]:
    for at in ("%40", "%2540", "&#64;", "&#x40;", "&commat;", "\\u0040"):
        yield _matching_plain_signs_alone, (f"Write to bob{at}corp.example today",), (f"bob{at}corp.example",)
    for value in (KEY, "AKIAQWERTYUIOPASDFGH", "ghp_" + "aB3d" * 9):
        yield _matching_after_spaces_alone, (f"it is X_{value} here",), (value,)
    for first, second in ((KEY[:20], KEY[20:]), (CARD[:9], CARD[10:]), ("GB82 WEST 1234", "5698 7654 32")):
        for broken in ("\n", "\r\n") if not first.startswith("GB") else ("\n",):
            yield _matching_lines_alone, (f"it is {first}{broken}{second} thanks",), (f"{first}{broken}{second}",)
        yield _matching_messages_alone, (f"it is {first}", f"{second} and no more"), (first, second)
        yield _matching_messages_alone, (f"it is {first}", "Continue, please.", second), (first, second)
    for rule, text, value in (
        ("assay_key", "the secret is {0}", f"assay_{SECRET}"),
        ("client_secret", "client_secret={0}&x=y", SECRET),
        ("client_secret", "curl -u app:{0} https://assay.example/oauth/token", SECRET),
        ("basic_credentials", "Authorization: Basic {0}", "YWNtZS1hcHA6Wm05dlltRnlZbUY2"),
        ("openbao_token", "X-Vault-Token: {0}", TOKEN),
        ("openbao_token", "BAO_TOKEN={0}", TOKEN.replace("s.", "b.")),
    ):
        yield _matching_without(rule), (text.format(value),), (value,)


@pytest.mark.parametrize(("wrong", "texts", "values"), [*_attacks()])
def test_a_disguised_or_divided_value_does_not_reach_the_model(
    wrong: Callable[[pytest.MonkeyPatch], None],
    texts: tuple[str, ...],
    values: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
):
    with monkeypatch.context() as patch:
        wrong(patch)
        leaked = shown(*texts)
        assert all(value in leaked for value in values), "the wrong variant"
    masked = shown(*texts)
    assert not [value for value in values if value in masked]
    assert masked.count("[") >= len(values)


class FormatAlone:
    """The wrong variant: an exemption of values that begin like a word, as rules had before."""

    PATTERN = re.compile(r"(?!(?:password|pass|secret|changeme))[^\s/@]{3,200}")


@pytest.mark.parametrize("password", ["secret8Kd92hs", "passion4Fruit", "changemeNot7Kd2", "password1992Berlin"])
def test_a_password_that_begins_like_a_word_does_not_reach_the_model(password: str):
    assert FormatAlone.PATTERN.match(password) is None, "the wrong variant"
    assert password not in shown(f"postgres://app:{password}@db/app")


def test_no_part_of_an_account_that_messages_divide_is_left_where_the_other_resembles_a_telephone_number():
    parts = ("DE89 3704 0044", "0532 0130 00")
    leaked = shown(parts[0]), shown(parts[1])
    assert leaked[0] == parts[0], "the wrong variant: each message by itself"
    assert not any(part in shown(*parts) for part in parts)


@pytest.mark.parametrize("kind", [DataKind.CARD_NUMBER, DataKind.PHONE, DataKind.EMAIL])
def test_a_value_does_not_hide_in_a_long_table(kind: DataKind):
    """Each row of a table is harmless; the value is in the middle."""
    value = {
        DataKind.CARD_NUMBER: f"card {CARD}",
        DataKind.PHONE: "+49 30 901820",
        DataKind.EMAIL: "anna.berg@kunde.example.com",
    }[kind]
    rows = [f"{at:04} {7 * at % 9000 + 1000} {13 * at % 9000 + 1000} {17 * at % 900 + 100}" for at in range(600)]
    text = "\n".join([*rows[:300], f"note: {value}", *rows[300:]])
    assert value.removeprefix("card ") not in shown(text)
