"""Telephone numbers: found as they are written, and nothing that only has digits."""

import pytest

from adapters.screening.phone_numbers import LibPhoneNumbers
from domain.privacy.ports import TooMuchToScan

PHONES = LibPhoneNumbers()
FOUND = [
    ("call +44 20 7946 0958 now", "+44 20 7946 0958"),
    ("tel:+442079460958.", "+442079460958"),
    ("+49 (0)30 901820", "+49 (0)30 901820"),
    ("It's (650) 253-0000!", "(650) 253-0000"),
    ("650-253-0000", "650-253-0000"),
    ("+1 650 253 0000 ext. 5", "+1 650 253 0000 ext. 5"),
]
NONE = [
    "order 6502530000 of 2024-11-24 10:30",
    "1,234,567.89 and 12345678 and 10.0.0.1:8080",
    "ISBN 978-3-16-148410-0, version 1.2.3.4567",
    "020 7946 0958",  # as at home in a region that was not asked for
    "+12 345",
    "550e8400-e29b-41d4-a716-446655440000",
]


@pytest.mark.parametrize(("text", "number"), FOUND)
def test_a_number_is_found(text: str, number: str):
    assert [text[start:end] for start, end in PHONES.find(text, ["US"])] == [number]


@pytest.mark.parametrize("text", NONE)
def test_other_digits_are_none(text: str):
    assert PHONES.find(text, ["US"]) == []


def test_without_regions_only_what_names_its_country_is_found():
    text = "(650) 253-0000 or +44 20 7946 0958"
    assert [text[start:end] for start, end in PHONES.find(text, [])] == ["+44 20 7946 0958"]


def test_a_region_knows_its_own():
    text = "ring 020 7946 0958"
    assert [text[start:end] for start, end in PHONES.find(text, ["US", "GB"])] == ["020 7946 0958"]


def test_numbers_beyond_count_are_no_pass():
    with pytest.raises(TooMuchToScan):
        PHONES.find("650-253-0000, " * 501, ["US"])
