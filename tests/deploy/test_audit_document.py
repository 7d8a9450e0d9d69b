"""The documents for auditors list every kind, field and fault of the code."""

import re
from dataclasses import fields
from typing import get_args

from domain.records.fields import EventFields
from domain.records.records import CONTENT_MAC, EncryptedFields, EventKind
from domain.transparency.verification import Fault
from tests.paths import ROOT

TEXT = (ROOT / "docs" / "audit.md").read_text()


def first_column(heading: str) -> set[str]:
    """Return the names in the first column of the table with this heading."""
    table = TEXT[TEXT.index(f"| {heading} |") :].partition("\n\n")[0]
    rows = [row.split(" | ")[0] for row in table.splitlines()[2:]]
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def test_every_kind_of_event_is_documented() -> None:
    assert first_column("kind") == {kind.value for kind in EventKind}


def test_every_field_is_documented_as_open_or_encrypted() -> None:
    open_fields = {field.name for of_kind in get_args(EventFields) for field in fields(of_kind)}
    assert first_column("open fields") == {*open_fields, CONTENT_MAC}
    assert first_column("encrypted fields") >= {field.name for field in fields(EncryptedFields)}


def test_every_fault_is_documented() -> None:
    assert first_column("finding") == {fault.value for fault in Fault}
