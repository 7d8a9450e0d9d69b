"""The contract of a spool, in memory and in SQLite."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from adapters.system.spool import SqliteSpool
from domain.records.spool import Spool, SpoolUnavailable
from tests.doubles.spool import MemoryDisk, MemorySpool

BOUND = 262_144
Open = Callable[[], Awaitable[Spool]]


@pytest.fixture(params=["memory", "sqlite"])
async def open_spool(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Open]:
    """Opens the spool once more, as another process would."""
    opened: list[Spool] = []
    disk = MemoryDisk(max_bytes=BOUND)

    async def open_it() -> Spool:
        if request.param == "memory":
            opened.append(MemorySpool(disk))
        else:
            opened.append(await SqliteSpool.open(tmp_path / "spool", BOUND))
        return opened[-1]

    yield open_it
    for spool in opened:
        await spool.close()


async def contents(spool: Spool, most: int = 1000) -> list[bytes | None]:
    return [entry.content for entry in await spool.oldest(most)]


async def test_entries_come_back_in_order_until_they_are_removed(open_spool: Open) -> None:
    spool = await open_spool()
    assert await contents(spool) == []
    assert await spool.put([b"one", b"two"]) == 2
    assert await spool.put([b"three", b""]) == 2
    assert await contents(spool, 3) == [b"one", b"two", b"three"]
    first, second, *_ = await spool.oldest(10)
    await spool.remove([second.place])
    assert await contents(spool) == [b"one", b"three", b""]
    await spool.remove([first.place, second.place, 999_999])
    assert await contents(spool) == [b"three", b""]


async def test_nothing_put_is_nothing_kept(open_spool: Open) -> None:
    spool = await open_spool()
    assert await spool.put([]) == 0
    await spool.remove([])
    assert await contents(spool) == []


async def test_what_was_put_outlives_the_process(open_spool: Open) -> None:
    spool = await open_spool()
    await spool.put([b"one", b"two"])
    [first, _] = await spool.oldest(2)
    await spool.remove([first.place])
    await spool.close()
    assert await contents(await open_spool()) == [b"two"]


async def test_one_process_at_a_time_empties_it_and_any_may_put(open_spool: Open) -> None:
    first, second = await open_spool(), await open_spool()
    assert await contents(first) == []
    assert await second.put([b"from the second"]) == 1
    assert await contents(second) == []
    assert await contents(first) == [b"from the second"]
    await first.put([b"from the first"])
    await first.close()
    assert await contents(second) == [b"from the second", b"from the first"]


async def test_a_full_spool_keeps_the_oldest_and_has_room_again_once_some_are_removed(open_spool: Open) -> None:
    spool = await open_spool()
    offered = [number.to_bytes(2, "big") * 512 for number in range(600)]
    kept = await spool.put(offered)
    assert 0 < kept < len(offered)
    assert sum(map(len, offered[:kept])) <= BOUND
    for content in offered[kept:]:
        kept += await spool.put([content])  # the bound is by pages, which may have a little room yet
    assert kept < len(offered)
    assert await spool.put([bytes(4096)]) == 0
    assert await contents(spool) == offered[:kept]
    half = [entry.place for entry in await spool.oldest(kept // 2)]
    await spool.remove(half)
    assert await spool.put([b"new"]) == 1
    assert await contents(spool) == [*offered[len(half) : kept], b"new"]


async def test_a_closed_spool_says_so(open_spool: Open) -> None:
    spool = await open_spool()
    await spool.close()
    await spool.close()
    for use in (lambda: spool.put([b"x"]), lambda: spool.oldest(1), lambda: spool.remove([1])):
        with pytest.raises(SpoolUnavailable):
            await use()
