"""Telephone numbers: found as they are written, and nothing that only has digits."""

import pytest

from adapters.screening.phone_numbers import LibPhoneNumbers
from domain.privacy.ports import MOST_CANDIDATES, TooMuchToScan

SEARCHES = LibPhoneNumbers()
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
    assert [text[start:end] for start, end in SEARCHES.begin().find(text, ["US"])] == [number]


@pytest.mark.parametrize("text", NONE)
def test_other_digits_are_none(text: str):
    assert SEARCHES.begin().find(text, ["US"]) == []


def test_without_regions_only_what_names_its_country_is_found():
    text = "(650) 253-0000 or +44 20 7946 0958"
    assert [text[start:end] for start, end in SEARCHES.begin().find(text, [])] == ["+44 20 7946 0958"]


def test_a_region_knows_its_own():
    text = "ring 020 7946 0958"
    assert [text[start:end] for start, end in SEARCHES.begin().find(text, ["US", "GB"])] == ["020 7946 0958"]


def numbers(first: int, count: int) -> str:
    """Different numbers, in the grouping of the United States."""
    return "".join(f"650-253-{number:04}, " for number in range(first, first + count))


def test_numbers_beyond_count_are_no_pass():
    with pytest.raises(TooMuchToScan):
        SEARCHES.begin().find(numbers(0, MOST_CANDIDATES + 1), ["US"])


def test_texts_of_one_request_share_the_count():
    search = SEARCHES.begin()
    search.find(numbers(0, 300), ["US"])
    with pytest.raises(TooMuchToScan):
        search.find(numbers(300, 300), ["US"])
    assert len(SEARCHES.begin().find(numbers(300, 300), ["US"])) == 300


def test_a_repeated_number_is_examined_once():
    search = SEARCHES.begin()
    assert len(search.find("650-253-0000, " * 600, ["US"])) == 600
    assert search.weight <= 3  # the first and the last have other neighbours


def test_digits_without_separators_are_no_candidates():
    search = SEARCHES.begin()
    assert search.find("".join(f"{number}, " for number in range(1_000_000, 1_002_000)), ["US"]) == []
    assert search.weight == 0


@pytest.mark.parametrize(
    ("candidate", "weight"), [("41 " * 7, 1), ("650-253-0000", 1), ("1/2/" * 10, 2), ("1 " * 20, 2), ("1(2(" * 9, 2)]
)
def test_a_candidate_of_many_groups_counts_twice(candidate: str, weight: int):
    search = SEARCHES.begin()
    search.find(candidate, ["US"])
    assert search.weight == weight
