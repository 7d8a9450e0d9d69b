"""Telephone numbers: found as they are written, and nothing that only has digits."""

import pytest

from adapters.screening import phone_numbers
from adapters.screening.phone_numbers import LibPhoneNumbers
from domain.privacy.ports import TooMuchToScan

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
LINES = [
    '{{"t":17938{0:05},"v":0.{2}}},',
    "[13.0{2},48.8{2}],",
    '190.29.{1}.97 - - [26/Jul/2026:11:25:{1:02} +0000] "GET /item/{2} HTTP/1.1" 200 5{0:04}',
    "2026-07-26 13:59:{1:02},19.{1:02},9{1:02}.5",
    "-rw-r--r-- 1 root root {2} 2026-07-27 01:{1:02} file{0}.txt",
    "3 x Art. {2} M8 a 0.{1:02} EUR",
    "AAPL 2026-07-27 1{1:02}.78 103.{1:02} 199.31 101.85 10{2}",
    "{2} {2} 47229887 {1}% /",
    "10.0.{1}.5:4{0:04} -> 192.168.{1}.7:443 {2} bytes",
    "{1:02} {1:02} 12 222 83 47 221 176 194 11 54 214",
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


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A maximum that short texts reach."""
    monkeypatch.setattr(phone_numbers, "MOST_CANDIDATES", 200)


@pytest.mark.usefixtures("few")
def test_numbers_beyond_count_are_no_pass():
    with pytest.raises(TooMuchToScan):
        SEARCHES.begin().find(numbers(0, 201), ["US"])


@pytest.mark.usefixtures("few")
def test_texts_of_one_request_share_the_count():
    search = SEARCHES.begin()
    search.find(numbers(0, 120), ["US"])
    with pytest.raises(TooMuchToScan):
        search.find(numbers(120, 120), ["US"])
    assert len(SEARCHES.begin().find(numbers(120, 120), ["US"])) == 120


def test_as_many_numbers_as_a_prompt_can_hold_are_examined():
    assert len(SEARCHES.begin().find(numbers(0, 2_200), ["US", "GB", "DE"])) == 2_200


def test_numbers_of_a_list_are_asked_about_once_whichever_region_is_theirs():
    search = SEARCHES.begin()
    text = "".join(f"06 12 34 {at // 100:02} {at % 100:02}\n" for at in range(300))
    assert len(search.find(text, ["US", "GB", "DE", "FR"])) == 300
    assert search.weight <= 310


def test_a_repeated_number_is_examined_once():
    search = SEARCHES.begin()
    assert len(search.find("650-253-0000, " * 600, ["US"])) == 600
    assert search.weight <= 3  # the first and the last have other neighbours


def test_digits_without_separators_are_no_candidates():
    search = SEARCHES.begin()
    assert search.find("".join(f"{number}, " for number in range(1_000_000, 1_002_000)), ["US"]) == []
    assert search.weight == 0


@pytest.mark.parametrize("line", LINES)
def test_numbers_of_logs_and_tables_are_no_candidates(line: str):
    """The library is asked about hardly any of them: a long log is searched to its end."""
    search = SEARCHES.begin()
    text = "\n".join(line.format(at, at % 60, 100_000 + 7 * at) for at in range(600))
    assert search.find(text, ["US"]) == []
    assert search.weight <= 60
