"""A run of plain text writes what the first release wrote, to the byte, and reads it again."""

import pytest

from adapters.temporal.json_payloads import CompiledJsonConverter
from tests.plain_text import PAYLOADS, VECTORS, texts

CONVERTER = CompiledJsonConverter()


@pytest.mark.parametrize("name", PAYLOADS)
def test_a_payload_of_plain_text_stays_the_same_and_is_read(name: str):
    [payload] = CONVERTER.to_payloads([PAYLOADS[name]])
    assert payload.data.decode() == VECTORS["payloads"][name]
    payload.data = VECTORS["payloads"][name].encode()
    assert CONVERTER.from_payloads([payload], [type(PAYLOADS[name])]) == [PAYLOADS[name]]


def test_hashes_commitments_and_records_of_plain_text_stay_the_same():
    assert texts() == VECTORS["texts"]


def test_every_vector_is_held_against_something():
    assert VECTORS["payloads"].keys() == PAYLOADS.keys()
