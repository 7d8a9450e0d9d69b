"""Threads for long texts: what runs where, and how work ends."""

import asyncio
import threading

import pytest

from activities.inference.text_threads import MOST_IN_LOOP, TextThreads
from domain.inference.content import TextKind
from domain.inference.texts import Text, TextAddress
from domain.refusals import Kind, Refusal


def texts(*lengths: int) -> tuple[Text, ...]:
    return tuple(Text(TextAddress(at), "a" * length, TextKind.PROMPT) for at, length in enumerate(lengths))


async def ran_on(threads: TextThreads, *lengths: int) -> str:
    thread = await threads.run(texts(*lengths), threading.current_thread)
    return "loop" if thread is threading.current_thread() else thread.name.rpartition("_")[0]


async def test_work_runs_by_the_length_of_all_texts():
    threads = TextThreads()
    assert await ran_on(threads) == "loop"
    assert await ran_on(threads, MOST_IN_LOOP) == "loop"
    assert await ran_on(threads, MOST_IN_LOOP, 1) == "assay-texts"
    assert await ran_on(threads, 4_000) == "assay-texts"
    assert await ran_on(threads, 4_000, 1) == "assay-long-texts"
    threads.close()


async def test_short_texts_start_no_thread():
    before = threading.active_count()
    threads = TextThreads()
    await threads.run(texts(MOST_IN_LOOP), len, "a")
    assert threading.active_count() == before
    threads.close()


@pytest.mark.parametrize("length", [1, 1_000, 10_000])
async def test_what_the_work_raises_is_raised(length: int):
    def refuse() -> None:
        raise Refusal(Kind.SCREENING_UNAVAILABLE, "no")

    threads = TextThreads()
    with pytest.raises(Refusal) as refused:
        await threads.run(texts(length), refuse)
    assert refused.value.kind is Kind.SCREENING_UNAVAILABLE
    threads.close()


async def test_a_long_text_does_not_hold_up_a_usual_one():
    threads, go = TextThreads(), threading.Event()
    held = asyncio.create_task(threads.run(texts(30_000), go.wait, 60))
    assert await threads.run(texts(1_000), len, "abc") == 3
    assert not held.done()
    go.set()
    assert await held is True
    threads.close()


async def test_cancelled_work_that_waits_is_not_begun():
    threads, go, ran = TextThreads(), threading.Event(), list[int]()
    held = asyncio.create_task(threads.run(texts(30_000), go.wait, 60))
    waiting = asyncio.create_task(threads.run(texts(30_000), ran.append, 1))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    go.set()
    await held
    assert await threads.run(texts(30_000), len, "a") == 1  # everything before it in the queue has ended
    assert ran == []
    threads.close()


async def test_closed_threads_drop_what_waits_and_take_no_more():
    threads, go, ran = TextThreads(), threading.Event(), list[int]()
    held = asyncio.create_task(threads.run(texts(30_000), go.wait, 60))
    waiting = asyncio.create_task(threads.run(texts(30_000), ran.append, 1))
    await asyncio.sleep(0)
    threads.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    with pytest.raises(RuntimeError):
        await threads.run(texts(30_000), ran.append, 2)
    go.set()
    assert await held is True
    assert ran == []
