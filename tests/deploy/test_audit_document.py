"""What auditors are told is what the code records and finds."""

import re
from dataclasses import fields

from domain.records.records import EventKind, OpenFields, SealedFields
from domain.transparency.verification import Fault
from tests.paths import ROOT

TEXT = (ROOT / "docs" / "audit.md").read_text()


def first_column(heading: str) -> set[str]:
    """The names in the first column of the table that begins so."""
    table = TEXT[TEXT.index(f"| {heading} |") :].partition("\n\n")[0]
    rows = [row.split(" | ")[0] for row in table.splitlines()[2:]]
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def test_every_kind_of_event_is_told() -> None:
    assert first_column("kind") == {kind.value for kind in EventKind}


def test_every_field_is_told_and_whether_it_is_sealed() -> None:
    assert first_column("open fields") >= {field.name for field in fields(OpenFields)}
    assert first_column("sealed fields") >= {field.name for field in fields(SealedFields)}


def test_every_fault_is_explained() -> None:
    assert first_column("it says") == {fault.value for fault in Fault}
