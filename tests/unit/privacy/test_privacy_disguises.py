"""Values that are encoded, behind another name, or divided by line breaks and messages."""

import json
from random import Random

import pytest

from domain.inference.content import Message, Speaker
from domain.inference.requests import InferenceRequest
from domain.policy.document import Policy
from domain.privacy.finding import find
from domain.privacy.masking import mask_request
from domain.privacy.policy import DataKind
from tests.unit.privacy.test_privacy_finding import NoPhones

SECRET = "Zm9vYmFyYmF6cXV4cXV1eAZm9vYmFyYmF6cXV4cXV1e"
KEY = "sk-proj-aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5bC7d"
WHOLE = {
    "an address in a URL": ("email", "bob%40corp.example"),
    "an address encoded twice": ("email", "bob%2540corp%252Eexample"),
    "an address in HTML": ("email", "bob&#64;corp.example"),
    "an address in HTML, in hexadecimal": ("email", "bob&#x40;corp&#46;example"),
    "an address with a named entity": ("email", "bob&commat;corp&period;example"),
    "an address in JSON": ("email", "bob\\u0040corp.example"),
    "a client's secret": ("api_key", f"assay_{SECRET}"),
    "an OpenBao token": ("api_key", "s.8J2kLmN4pQrS6tUvW8xYz0Ab"),
    "a batch token": ("api_key", "b.8J2kLmN4pQrS6tUvW8xYz0Ab"),
    "a newer Vault token": ("api_key", "hvs.CAESIJ8J2kLmN4pQrS6tUvW8xYz0AbCdEf"),
}
BEHIND = ("api_key", KEY), ("api_key", "AKIAQWERTYUIOPASDFGH"), ("api_key", "ghp_" + "aB3d" * 9)
BESIDE = {
    f"client_secret={SECRET}&grant_type=client_credentials": SECRET,
    f'{{"client_id":"acme-app","client_secret":"{SECRET}"}}': SECRET,
    f"export ASSAY_CLIENT_SECRET={SECRET}": SECRET,
    f"curl -u acme-app:{SECRET} https://assay.example/oauth/token": SECRET,
    "Authorization: Basic YWNtZS1hcHA6Wm05dlltRnlZbUY2Y1hWNGNYVjFlQQ==": "YWNtZS1hcHA6Wm05dlltRnlZbUY2Y1hWNGNYVjFlQQ==",
}
PASSES = [
    "s.getApplicationContextById(1), s.configureTheNextStage2 and os.8J2kLmN4pQrS6tUvW8xYz0Ab",
    "test_assay_temporal_data_converter_and_many_more_words_in_a_row",
    "sk-proj-\nThe words of the next line are no key, however many there are of them",
    "assay_policy\nassay_worker\nassay_temporal\nassay_sequencer\nassay_archiver",
    "4111 1111\n1111 1111\n2222 2222\n3333 3333",
    "23926445\n47229887",
    "41111111\n11111111",
    "width: 40%40px; 50%40.5",
    "the client_secret of your application is not shown",
]


def found(policy: Policy, text: str) -> list[tuple[str, str]]:
    assert policy.privacy is not None
    return [
        (datum.kind.value, text[datum.start : datum.end])
        for datum in find(text, tuple(DataKind), policy.privacy, NoPhones())
    ]


@pytest.mark.parametrize("name", WHOLE)
def test_a_value_is_found_however_it_is_encoded(policy: Policy, name: str) -> None:
    kind, value = WHOLE[name]
    for around in ("%s", "It is %s and no more.", '("%s")', "a\n%s\nb", "a=%s&b=c"):
        assert found(policy, around % value) == [(kind, value)], around


@pytest.mark.parametrize(("kind", "value"), BEHIND)
@pytest.mark.parametrize("name", ["X_", "MY_OWN_", "_"])
def test_a_key_is_found_behind_a_name(policy: Policy, kind: str, value: str, name: str) -> None:
    assert found(policy, f"it is {name}{value} here") == [(kind, value)]


@pytest.mark.parametrize("text", BESIDE)
def test_a_secret_is_found_beside_its_name(policy: Policy, text: str) -> None:
    assert [value for _, value in found(policy, text)] == [BESIDE[text]]


@pytest.mark.parametrize("text", PASSES)
def test_what_only_looks_like_it_stays(policy: Policy, text: str) -> None:
    assert found(policy, text) == []


@pytest.mark.parametrize("broken", ["\n", "\r\n", " \\\n    ", '" +\n  "', "\\n", "\n> "])
@pytest.mark.parametrize("at", [10, 20, 30, 38])
def test_a_key_is_found_over_line_breaks(policy: Policy, broken: str, at: int) -> None:
    value = KEY[:at] + broken + KEY[at:]
    assert found(policy, f"the key: {value}\nand so on") == [("api_key", value)]


def test_a_key_is_found_over_several_line_breaks(policy: Policy) -> None:
    value = "\n".join(KEY[at : at + 12] for at in range(0, len(KEY), 12))
    assert found(policy, f"My key is:\n{value}\nThanks!") == [("api_key", value)]


@pytest.mark.parametrize(
    "value",
    [
        "4111 1111\n1111 1111",
        "4111\n1111\n1111\n1111",
        "4111-1111-\n1111-1111",
        "411111111111\n1111",
        "3782 822463\n10005",
    ],
)
def test_a_card_is_found_over_line_breaks(policy: Policy, value: str) -> None:
    for around in ("%s", "Pay with %s please.", "The number:\n%s\nvalid until 12/29"):
        assert found(policy, around % value) == [("card_number", value)], around


def test_an_account_is_found_over_a_line_break(policy: Policy) -> None:
    assert found(policy, "to DE89 3704 0044\n0532 0130 00 now") == [("iban", "DE89 3704 0044\n0532 0130 00")]


def masked(policy: Policy, *texts: str) -> list[str]:
    assert policy.privacy is not None
    roles = (Speaker.USER, Speaker.ASSISTANT)
    messages = tuple(Message(roles[index % 2], text) for index, text in enumerate(texts))
    request = InferenceRequest(model="m", messages=messages, max_tokens=1, temperature=0.0)
    done = mask_request(request, policy.privacy, "acme", NoPhones(), b"seed")
    return [message.content for message in done.request.messages]


@pytest.mark.parametrize(
    ("value", "at"),
    [(KEY, 20), (KEY, 12), ("4111 1111 1111 1111", 9), (f"assay_{SECRET}", 25), ("AKIAQWERTYUIOPASDFGH", 10)],
)
def test_a_value_is_found_over_messages(policy: Policy, value: str, at: int) -> None:
    first, second = value[:at].rstrip(), value[at:]
    for texts in ((f"It is {first}", f"{second} and no more"), (f"It is {first}", "Continue, please.", second)):
        shown = "\n".join(masked(policy, *texts))
        assert first not in shown
        assert second not in shown
        assert shown.count("[") == 2, "a placeholder for each part"
    assert masked(policy, "Nothing here", "nor here", "nor there") == ["Nothing here", "nor here", "nor there"]


def test_random_texts_of_words_have_no_divided_values(policy: Policy) -> None:
    words = (
        "the",
        "assay_",
        "sk-",
        "hvs.",
        "s.",
        "Note",
        "OK",
        "12",
        "3.5",
        "AKIA",
        "eyJ",
        "ghp_",
        "value",
        "camelCase",
    )
    choose = Random(7)  # noqa: S311 - a test's texts
    for _ in range(200):
        text = "".join(choose.choice(words) + choose.choice((" ", "\n", ", ")) for _ in range(60))
        assert found(policy, text) == [], json.dumps(text)
