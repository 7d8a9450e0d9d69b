"""Each guard sees each carrier of each client's format, whole and as a stream."""

from dataclasses import replace

import pytest

from domain.inference.carriers.kinds import HELD, SPOKEN, Carrier
from tests.carriers import matrix
from tests.carriers.matrix import OF_REQUESTS, Guard, cells, missed
from tests.carriers.page import PAGE, page
from tests.carriers.wires import FORMATS

EVERYWHERE = {
    *(Carrier.INSTRUCTIONS, Carrier.USER, Carrier.ASSISTANT, Carrier.TOOL_CALL, Carrier.TOOL_ARGUMENTS),
    *(Carrier.TOOL_RESULT, Carrier.TOOL_NAME, Carrier.TOOL_DESCRIPTION, Carrier.TOOL_SCHEMA, Carrier.RESPONSE_SCHEMA),
    *(Carrier.DOCUMENT, Carrier.FILE_NAME),
}


def test_in_every_cell_something_is_found():
    assert missed() == set()


@pytest.mark.parametrize("guard", Guard)
@pytest.mark.parametrize("form", [form.name for form in FORMATS])
def test_a_guard_that_is_off_for_one_format_fails_its_cells_and_no_others(form: str, guard: Guard):
    assert missed((form, guard)) == {cell for cell in cells() if (cell.format, cell.guard) == (form, guard)}


def test_a_translator_that_loses_a_carrier_fails_its_cells(monkeypatch: pytest.MonkeyPatch):
    chat = FORMATS[0]
    losing = replace(
        chat, places={**chat.places, Carrier.TOOL_DESCRIPTION: lambda _: chat.places[Carrier.USER]("Hello")}
    )
    monkeypatch.setattr(matrix, "FORMATS", (losing, *FORMATS[1:]))
    matrix.found.cache_clear()
    try:
        assert {(cell.format, cell.carrier) for cell in missed()} == {("chat", Carrier.TOOL_DESCRIPTION)}
    finally:
        matrix.found.cache_clear()


def test_the_matrix_has_every_carrier_of_text():
    carriers = {*SPOKEN.values(), *(carrier for held in HELD.values() for carrier in held.values()), Carrier.STOP}
    planted = {carrier for form in FORMATS for carrier in form.places}
    assert carriers - planted == {Carrier.IMAGE_ADDRESS}  # refused by the shipped policy
    for form in FORMATS:
        assert form.places.keys() >= EVERYWHERE, form.name
    assert {cell.guard for cell in cells()} == set(Guard)
    assert len(OF_REQUESTS) == 3


def test_the_page_is_that_of_the_matrix():
    assert PAGE.read_text(encoding="utf-8") == page(), "write it by: python -m tests.carriers.page"
