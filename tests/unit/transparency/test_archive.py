"""Content of an archive's file and manifest, without a server."""

import itertools
import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.archive import files
from adapters.archive.files import ZstdFiles
from domain.records.records import canonical, stored_digest
from domain.transparency.archive import (
    ArchiveInvalid,
    ArchiveLine,
    Manifest,
    RangeCollector,
    match_leaves,
    month_name,
    month_of,
    read_line,
    write_line,
)
from services.archiving.file_hash import FileHash

EVENT = UUID("018f0000-0000-7000-8000-000000000001")
COLUMNS = {
    "event_id": EVENT,
    "schema": 2,
    "tenant": "acme",
    "kind": "completed",
    "recorded_at": datetime(2001, 2, 3, 4, 5, 6, 7, UTC),
    "workflow_id": None,
    "run_id": None,
    "subject": None,
    "key_id": "k",
    "subject_key": None,
    "ciphertext": b"\x00\xff",
}
FIELDS = {"model": "Zo\u00eb \u2028", "score": 0.30000000000000004}
DIGEST = stored_digest(**COLUMNS, fields=FIELDS)
ROW = {
    **COLUMNS,
    "seq": 7,
    "fields": canonical(FIELDS).decode(),
    "content_mac": bytes(32),
    "digest": DIGEST,
    "stored_at": datetime(2001, 2, 3, 4, 5, 7, tzinfo=UTC),
}
MANIFEST = Manifest("acme", "2001-02", "f", "00", 1, 1, ((7, 7),), "a", "b", ("k",), 0, "note", "now")


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def file_of(*batches: list[str]) -> bytes:
    async def given() -> AsyncIterator[list[str]]:
        for batch in batches:
            yield batch

    return b"".join([piece async for piece in ZstdFiles().compressed(given())])


async def read_back(content: bytes, step: int = 7) -> list[str]:
    chunks = [content[at : at + step] for at in range(0, len(content), step)]
    return [line async for some in ZstdFiles().lines(pieces(*chunks)) for line in some]


def test_a_record_is_read_as_it_was_written():
    text = write_line(ROW)
    assert "\n" not in text
    assert read_line(text, "acme") == ArchiveLine(7, EVENT, DIGEST, text)


@pytest.mark.parametrize("text", ["", "[]", "{", "null", '"x"', "1e999", "{}", '{"seq":1}'])
def test_what_is_no_record_is_refused(text: str):
    with pytest.raises(ArchiveInvalid, match="the file: a line"):
        read_line(text, "acme")


@pytest.mark.parametrize("column", json.loads(write_line(ROW)))
@pytest.mark.parametrize("value", [None, [], {}, -1, "", "\u0000", True])
def test_no_value_of_a_column_breaks_the_reader(column: str, value: object):
    text = json.dumps({**json.loads(write_line(ROW)), column: value})
    try:
        read_line(text, "acme")
    except ArchiveInvalid:
        return
    # what the digest does not cover the manifest does; `seq` is held against the leaves
    assert column in {"seq", "content_mac", "stored_at"} or value == json.loads(write_line(ROW))[column]


def test_an_entry_of_another_month_is_what_the_tree_has_of_it():
    text = write_line({"seq": 8, "event_id": EVENT, "digest": DIGEST, "tenant": None})
    assert read_line(text, "acme") == ArchiveLine(8, EVENT, DIGEST, text, whole=False)


def test_another_tenants_record_is_refused():
    with pytest.raises(ArchiveInvalid, match="not a record of this tenant"):
        read_line(write_line(ROW), "globex")


def test_a_leaf_in_another_place_is_another_leaf():
    line = read_line(write_line(ROW), "acme")
    match_leaves([line], {7: (EVENT, DIGEST)})
    for leaves in ({}, {8: (EVENT, DIGEST)}, {7: (EVENT, bytes(32))}, {7: (UUID(int=1), DIGEST)}):
        with pytest.raises(ArchiveInvalid, match=str(EVENT)):
            match_leaves([line], leaves)


@given(st.lists(st.integers(0, 2**62), unique=True).map(sorted))
def test_ranges_are_the_numbers(numbers: list[int]):
    ranges = RangeCollector()
    for number in numbers:
        ranges.add(number)
    found = ranges.as_tuple()
    assert sum(last - first + 1 for first, last in found) == len(numbers)
    assert all(any(first <= number <= last for first, last in found) for number in numbers)
    assert all(before[1] + 1 < after[0] for before, after in itertools.pairwise(found))
    if numbers:
        with pytest.raises(ArchiveInvalid):
            ranges.add(numbers[-1])


def test_a_manifest_is_read_as_it_was_written():
    assert Manifest.from_claims(json.loads(json.dumps(MANIFEST.claims()))) == MANIFEST


@pytest.mark.parametrize("change", [{"schema": 3}, {"seqs": 1}, {"seqs": [[1]]}, {"another": 1}, {"key_ids": None}])
def test_a_manifest_that_is_none_is_refused(change: dict[str, object]):
    with pytest.raises(ArchiveInvalid, match="the manifest"):
        Manifest.from_claims({**MANIFEST.claims(), **change})


@pytest.mark.parametrize("name", ["schema", "tenant", "seqs", "checkpoint"])
def test_a_manifest_that_lacks_a_claim_is_refused(name: str):
    claims = MANIFEST.claims()
    del claims[name]
    with pytest.raises(ArchiveInvalid, match="the manifest"):
        Manifest.from_claims(claims)


@pytest.mark.parametrize("text", ["2001-1", "2001-13", "2001-00", "2001-01-01", "200101", "", "last  ", "2001/01"])
def test_what_is_no_month(text: str):
    with pytest.raises(ValueError, match=r".+"):
        month_of(text)


def test_a_month_is_its_first_day():
    assert month_of("2001-02") == date(2001, 2, 1)
    assert month_name(date(2001, 2, 1)) == "2001-02"


@given(st.lists(st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"])))))
async def test_lines_come_back_whatever_the_pieces(batches: list[list[str]]):
    content = await file_of(*batches)
    assert await read_back(content) == [line for batch in batches for line in batch]


async def test_the_same_lines_give_the_same_file():
    assert await file_of(["a", "b"], ["c"]) == await file_of(["a", "b"], ["c"])


async def test_a_file_that_is_cut_off_or_longer_is_refused():
    content = await file_of([str(number) for number in range(10_000)])
    for broken, reason in (
        (content[:-1], "truncated"),
        (content[:3], "truncated"),
        (b"", "truncated"),
        (content + b"x", "trailing data"),
        (content + content, "trailing data"),
        (b"text", "decompressed"),
    ):
        for step in (7, len(broken) or 1):
            with pytest.raises(ArchiveInvalid, match=reason):
                await read_back(broken, step)


async def test_a_last_line_without_its_end_is_refused():
    from backports import zstd

    with pytest.raises(ArchiveInvalid, match="last line is truncated"):
        await read_back(zstd.compress(b"one\ntwo"))


async def test_a_line_without_end_fills_no_memory(monkeypatch: pytest.MonkeyPatch):
    from backports import zstd

    monkeypatch.setattr(files, "_LONGEST_LINE", 4 * 1024 * 1024)
    bomb = zstd.compress(bytes(64 * 1024 * 1024))
    assert len(bomb) < 10_000
    with pytest.raises(ArchiveInvalid, match="too long"):
        await read_back(bomb)


async def test_a_hash_is_of_what_went_by():
    whole = FileHash()
    assert [piece async for piece in whole.over(pieces(b"ab", b"c"))] == [b"ab", b"c"]
    assert (whole.size, whole.hex[:8]) == (3, "ba7816bf")
