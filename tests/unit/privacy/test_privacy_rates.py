"""Rates of the shipped policy on whole sets: look-alikes that stay, values that are found, placeholders put back."""

import pytest

from adapters.screening.phone_numbers import LibPhoneNumbers
from domain.inference.content import Message, Speaker
from domain.inference.requests import bare_request
from domain.privacy.masking import mask_request
from domain.privacy.policy import PrivacyPolicy
from tests.unit.privacy.sets.logs import LINES, filled
from tests.unit.privacy.sets.measuring import DOCUMENT, LONG, examples, left, missed, search, shipped, table, touched

MOST_TOUCHED = 0.005
MOST_MISSED = 0.03
SEARCHES = LibPhoneNumbers()


@pytest.fixture(scope="module")
def policy() -> PrivacyPolicy:
    """The shipped policy."""
    return shipped()


@pytest.mark.parametrize("seed", ["harmless", "other"])
def test_harmless_look_alikes_are_not_masked(policy: PrivacyPolicy, seed: str):
    rate = touched(policy, seed)
    assert rate.texts >= 2_000
    assert rate.share <= MOST_TOUCHED, "\n".join(examples(rate))


def test_of_the_hand_written_lines_one_is_masked(policy: PrivacyPolicy):
    """It has a telephone number's form to the last sign: ``312-845-1207``."""
    assert touched(policy).wrong["by hand"] <= 1


@pytest.mark.parametrize("seed", ["real", "other"])
def test_values_are_found_whole(policy: PrivacyPolicy, seed: str):
    rate = missed(policy, seed)
    assert rate.texts >= 1_000
    assert rate.share <= MOST_MISSED, "\n".join(examples(rate))
    assert all(count <= 3 for count in rate.wrong.values()), "no kind or form is missed as a whole"


def test_every_placeholder_is_put_back(policy: PrivacyPolicy):
    rate = left(policy)
    assert list(rate.examples) == []


@pytest.mark.parametrize("size", [8_000, 16_000, LONG])
@pytest.mark.parametrize("name", LINES)
def test_a_long_log_is_searched_to_its_end_and_unchanged(policy: PrivacyPolicy, name: str, size: int):
    request = bare_request(Message(Speaker.USER, filled(LINES[name], size, f"{name} {size}")))
    assert mask_request(request, policy, "acme", SEARCHES.begin(), b"seed").request == request


def test_a_value_in_a_long_log_is_found(policy: PrivacyPolicy):
    for name, maker in LINES.items():
        text = filled(maker, 8_000) + "\npan=4012888888881881 mail=anna.berg@kunde.example.com tel=+49 30 901820\n"
        found = {text[value.start : value.end] for value in search(policy, text)}
        assert found == {"4012888888881881", "anna.berg@kunde.example.com", "+49 30 901820"}, name


def test_the_document_has_these_figures():
    """``python -m tests.unit.privacy.sets.measuring`` writes them."""
    assert table() in DOCUMENT.read_text("utf-8")
