"""The contract of a log as a list, and what is made of it: exports that our verifier and the stand-alone one open."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.log.entries import PostgresLogEntries
from cli.wiring.offline_checks import verify_export
from domain.transparency.checkpoints import parse_vkey
from domain.transparency.exports import header_of
from domain.transparency.merkle import EMPTY_ROOT
from domain.transparency.ports import LogEntries
from tests.contracts.logs import Log
from tests.deploy.test_assay_verify import VERIFIER
from tests.doubles.log.store import MemoryEntries, MemoryProofs


@pytest.fixture
def entries(request: pytest.FixtureRequest, a_log: Log) -> LogEntries:
    if isinstance(a_log.proofs, MemoryProofs):
        return MemoryEntries(a_log.proofs)
    return PostgresLogEntries(request.getfixturevalue("reader_pool"))


async def export(log: Log, entries: LogEntries, first: int, after: int) -> list[Mapping[str, Any]]:
    head = await log.head()
    consistency = await log.proofs.consistency(log.tenant, after, head.size)
    note = str(await log.proofs.checkpoint(log.tenant))
    header = header_of(head.origin, await entries.edge(log.tenant, first), after, note, consistency)
    return [header, *(await entries.read(log.tenant, first, after))]


def verdicts(log: Log, lines: list[Mapping[str, Any]], where: Path) -> list[dict[str, Any]]:
    """Results of the two verifiers."""
    data = [json.dumps(line).encode() + b"\n" for line in lines]
    where.write_bytes(b"".join(data))
    key = log.key.vkey(log.tenant)
    args = VERIFIER.argparse.Namespace(export=where, key=[VERIFIER.verifier_key(key)])
    try:
        theirs = VERIFIER.check_export(args)
    except VERIFIER.UNREADABLE as error:
        theirs = {"verdict": "broken", "why": VERIFIER.reason(error)}
    return [verify_export(data, [parse_vkey(key)]), theirs]


@pytest.mark.parametrize(("first", "after"), [(0, 9), (0, 4), (3, 9), (5, 6), (8, 9), (4, 4), (9, 9), (0, 0)])
async def test_any_part_is_an_export_that_holds(
    a_log: Log,
    entries: LogEntries,
    tmp_path: Path,
    first: int,
    after: int,
) -> None:
    await a_log.grow(9)
    await a_log.seal()
    ours, theirs = verdicts(a_log, await export(a_log, entries, first, after), tmp_path / "export.jsonl")
    counts = {"first": first, "after": after, "records": after - first, "leaves_only": 0}
    assert ours == theirs == {"verdict": "holds", "log": f"assay.local/{a_log.tenant}", "size": 9, **counts}


async def test_what_was_changed_left_out_or_moved_is_named(
    a_log: Log,
    entries: LogEntries,
    tmp_path: Path,
) -> None:
    await a_log.grow(7)
    await a_log.seal()
    header, *lines = await export(a_log, entries, 2, 6)
    for broken, seq in (
        ([header, lines[0], {**lines[1], "kind": "completed"}, *lines[2:]], 3),
        ([header, lines[0], {**lines[1], "ciphertext": ""}, *lines[2:]], 3),
        ([header, lines[0], {**lines[1], "tenant": "globex"}, *lines[2:]], 3),
        ([header, lines[0], {**lines[1], "digest": "00" * 32}, *lines[2:]], 3),
        ([header, *lines[1:]], 2),
        ([header, lines[1], lines[0], *lines[2:]], 2),
        ([header, *lines[:-1]], None),
        ([{**header, "after": 7}, *lines], None),
        ([{**header, "first": 0, "edge": []}, *lines], 0),
        ([{**header, "edge": [EMPTY_ROOT.hex()]}, *lines], None),
        ([{**header, "edge": []}, *lines], None),
        ([{**header, "consistency": []}, *lines], None),
        ([{**header, "log": "assay.local/other"}, *lines], None),
        ([{**header, "assay_export": 2}, *lines], None),
        ([{**header, "checkpoint": "none"}, *lines], None),
    ):
        for found in verdicts(a_log, broken, tmp_path / "export.jsonl"):
            assert found["verdict"] == "broken", broken[0]
            assert found.get("seq") == seq
    leaf = {name: lines[1][name] for name in ("seq", "event_id", "digest")}
    for found in verdicts(a_log, [header, lines[0], leaf, *lines[2:]], tmp_path / "export.jsonl"):
        assert (found["verdict"], found["records"], found["leaves_only"]) == ("holds", 3, 1)


async def test_a_span_of_time_holds_all_of_that_time(a_log: Log, entries: LogEntries) -> None:
    before = datetime.now(UTC)
    await a_log.grow(3)
    between = datetime.now(UTC)
    await a_log.grow(2)
    after = datetime.now(UTC)
    day = timedelta(days=1)
    for since, until, wanted in (
        (None, None, (0, 5)),
        (before, None, (0, 5)),
        (between, None, (3, 5)),
        (None, between, (0, 3)),
        (between, after, (3, 5)),
        (before - day, before, (5, 5)),
        (after, after + day, (5, 5)),
        (None, before, (5, 5)),
    ):
        assert await entries.span(a_log.tenant, 5, since, until) == wanted, (since, until)
    assert await entries.span(a_log.tenant, 4, between) == (3, 4)
