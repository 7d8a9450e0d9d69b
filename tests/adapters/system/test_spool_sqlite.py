"""The spool's files: what a crash and a damaged disk leave, who may read them, and who else uses them."""

import asyncio
import shutil
import sqlite3
import stat
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.system.spool import SqliteSpool
from domain.records.spool import SpoolUnavailable
from tests.paths import ROOT

BOUND = 1_048_576
FILE, WAL = "refusals.db", "refusals.db-wal"
GROUPS = [[f"{group}-{number} ".encode() * 40 for number in range(4)] for group in range(6)]


def entries(groups: int) -> list[bytes]:
    """Content of the first groups."""
    return [entry for group in GROUPS[:groups] for entry in group]


async def contents(directory: Path) -> list[bytes | None]:
    spool = await SqliteSpool.open(directory, BOUND)
    try:
        return [entry.content for entry in await spool.oldest(1000)]
    finally:
        await spool.close()


@pytest.fixture
async def groups_on_disk(tmp_path: Path) -> tuple[Path, list[int]]:
    """A spool as a crash leaves it: not closed. And how long its log was after each group."""
    directory, lengths = tmp_path / "crashed", []
    spool = await SqliteSpool.open(tmp_path / "running", BOUND)
    for group in GROUPS:
        assert await spool.put(group) == len(group)
        lengths.append((tmp_path / "running" / WAL).stat().st_size)
    directory.mkdir()
    for name in (FILE, WAL):
        shutil.copy(tmp_path / "running" / name, directory / name)
    await spool.close()
    return directory, lengths


def copied(source: Path, name: str) -> Path:
    return Path(shutil.copytree(source, source.parent / name))


async def test_everything_that_was_put_is_there_after_a_crash(groups_on_disk: tuple[Path, list[int]]) -> None:
    assert await contents(groups_on_disk[0]) == entries(6)


async def test_a_tail_that_was_cut_off_loses_the_groups_that_it_holds_and_no_other(
    groups_on_disk: tuple[Path, list[int]],
) -> None:
    directory, lengths = groups_on_disk
    whole = (directory / WAL).read_bytes()
    for length in range(lengths[2] - 1500, lengths[4] + 1500, 977):
        cut = copied(directory, f"cut-{length}")
        (cut / WAL).write_bytes(whole[:length])
        complete = sum(length >= wanted for wanted in lengths)
        assert 2 <= complete <= 5
        assert await contents(cut) == entries(complete), length
        shutil.rmtree(cut)


async def test_a_tail_that_was_half_written_is_noticed_and_no_other_entry_is_lost(
    groups_on_disk: tuple[Path, list[int]],
) -> None:
    directory, lengths = groups_on_disk
    for place in range(lengths[3] + 30, lengths[4], 701):
        torn = copied(directory, f"torn-{place}")
        with (torn / WAL).open("r+b") as file:
            file.seek(place)
            found = file.read(8)
            file.seek(place)
            file.write(bytes(byte ^ 0x55 for byte in found))
        assert await contents(torn) == entries(4), place
        shutil.rmtree(torn)


async def test_a_spool_goes_on_after_a_torn_tail(groups_on_disk: tuple[Path, list[int]]) -> None:
    directory, lengths = groups_on_disk
    with (directory / WAL).open("r+b") as file:
        file.truncate(lengths[4] + 100)
    spool = await SqliteSpool.open(directory, BOUND)
    assert await spool.put([b"after the crash"]) == 1
    await spool.close()
    assert await contents(directory) == [*entries(5), b"after the crash"]


async def test_a_damaged_entry_is_told_from_the_others(tmp_path: Path) -> None:
    spool = await SqliteSpool.open(tmp_path, BOUND)
    await spool.put([b"first", b"second-entry", b"third"])
    await spool.close()
    with sqlite3.connect(tmp_path / FILE) as connection:
        connection.execute("UPDATE entry SET content = ? WHERE content = ?", (b"Second-entry", b"second-entry"))
    connection.close()
    assert await contents(tmp_path) == [b"first", None, b"third"]


@pytest.mark.parametrize("damage", [b"not a database" * 1000, b"SQLite format 3\0" + b"\xff" * 8000])
async def test_a_file_that_cannot_be_read_is_set_aside(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / FILE).write_bytes(damage)
    assert await contents(tmp_path) == []
    assert (tmp_path / f"{FILE}.damaged").read_bytes() == damage


async def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    directory = tmp_path / "a" / "spool"
    spool = await SqliteSpool.open(directory, BOUND)
    await spool.put([b"entry"])
    files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()}
    await spool.close()
    assert {FILE, WAL, "emptying.lock"} <= files.keys()
    assert set(files.values()) == {0o600}
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700


async def test_a_directory_of_others_is_closed_to_them(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    await (await SqliteSpool.open(tmp_path, BOUND)).close()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700


async def test_a_place_that_is_no_directory_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here first")
    with pytest.raises(SpoolUnavailable, match="file/spool"):
        await SqliteSpool.open(tmp_path / "file" / "spool", BOUND)


async def test_a_process_that_is_killed_leaves_what_it_put_and_lets_others_empty_it(tmp_path: Path) -> None:
    script = f"""
        import asyncio, pathlib
        from adapters.system.spool import SqliteSpool
        async def main():
            spool = await SqliteSpool.open(pathlib.Path({str(tmp_path)!r}), {BOUND})
            assert await spool.oldest(1) == []
            for number in range(200):
                await spool.put([b"%d" % number])
                print(number, flush=True)
            await asyncio.Event().wait()
        asyncio.run(main())
    """
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", textwrap.dedent(script), cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert other.stdout is not None
    ours = await SqliteSpool.open(tmp_path, BOUND)
    last = -1
    while last < 100:
        last = int(await other.stdout.readline())
    assert await ours.oldest(1) == [], "the other process empties it"
    other.kill()
    last = max([last, *(int(line) for line in (await other.stdout.read()).split())])
    await other.wait()
    found = [entry.content for entry in await ours.oldest(1000)]
    await ours.close()
    assert found[: last + 1] == [b"%d" % number for number in range(last + 1)]
    assert len(found) <= last + 2, "one more may have been kept and not told"


async def test_files_stay_bounded_however_long_entries_come_and_go(tmp_path: Path) -> None:
    spool = await SqliteSpool.open(tmp_path, 262_144)
    for _ in range(60):
        await spool.put([bytes(900)] * 400)
        await spool.remove([entry.place for entry in await spool.oldest(1000)])
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    await spool.close()
    assert size < 262_144 * 2 + 6 * 1_048_576


async def test_processes_that_begin_a_spool_at_the_same_time_share_it(tmp_path: Path) -> None:
    for turn in range(15):
        directory = tmp_path / str(turn)
        spools = await asyncio.gather(*(SqliteSpool.open(directory, BOUND) for _ in range(4)))
        assert await asyncio.gather(*(spool.put([b"entry"] * 3) for spool in spools)) == [3] * 4
        found = [await spool.oldest(100) for spool in spools]
        assert sorted(map(len, found)) == [0, 0, 0, 12]
        for spool in spools:
            await spool.close()


async def test_a_disk_that_is_full_keeps_nothing_of_a_group_and_is_used_again_when_it_is_not(tmp_path: Path) -> None:
    spool = await SqliteSpool.open(tmp_path, BOUND)
    assert await spool.put([b"before"]) == 1

    def limit(pages: int) -> Callable[[], object]:
        return lambda: spool._opened().execute(f"PRAGMA max_page_count={pages}").fetchone()

    await spool._run(limit(5))
    with pytest.raises(SpoolUnavailable):
        await spool.put([bytes(2000)] * 40)
    assert [entry.content for entry in await spool.oldest(10)] == [b"before"]
    await spool._run(limit(10_000))
    assert await spool.put([b"after"]) == 1
    assert [entry.content for entry in await spool.oldest(10)] == [b"before", b"after"]
    await spool.close()
